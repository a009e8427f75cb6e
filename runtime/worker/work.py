"""A job that this container has: its messages, its run, its journal."""

from dataclasses import dataclass, field

from runtime.messaging.messages import Job
from runtime.messaging.session import Delivery
from runtime.outcome import Outcome
from runtime.records.journal import Journal
from runtime.records.ledger import Run


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message that was delivered, and the job that it is for."""

    job: Job
    delivery: Delivery

    @property
    def unacknowledged(self) -> bool:
        """Whether the broker waits for an answer to this delivery."""
        return self.delivery.alive and not self.delivery.answered


@dataclass(eq=False, kw_only=True)
class Work:
    """A job that this container has.

    A message may be delivered more than once: its connection is lost, or it was sent twice. One run answers
    all deliveries. After a restart of this process a run has none until its message comes back.

    ``begun`` is whether the job can no longer be handed back as if nothing had happened.
    ``running`` is the run that was announced, for as long as its end is not, and ``came_to`` what it came to,
    once the ledger has that.
    ``swept`` is whether its run had ended before its products were removed, so that nothing came after that.
    ``closed`` is whether its messages are being answered. A message that comes from then on may be the copy
    that the answer has published, so it is work of its own.
    """

    job: Job
    received: list[Received] = field(default_factory=list)
    journal: Journal | None = None
    begun: bool = False
    running: Run | None = None
    came_to: Outcome | None = None
    swept: bool = False
    closed: bool = False

    def close(self) -> list[Received]:
        """The messages to answer; none is added to them any more."""
        self.closed = True
        return self.received
