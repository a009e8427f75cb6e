"""What is announced about jobs and batches on the topic exchange, for anybody who subscribes.

The routing key is EVENT.STATE for a job's new state, EVENT.SUBMITTED for a batch, EVENT.REDRIVEN for a dead
job that was put back into its queue, and EVENT.ACTED for what an operator did.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pika

from runtime import names, outcome
from runtime.messaging.broker import Broker
from runtime.outcome import Outcome, Result

State = Literal["RUNNING", "RETRYING", "SUCCEEDED", "DEAD", "CANCELLED"]
FINAL: frozenset[State] = frozenset({"SUCCEEDED", "DEAD", "CANCELLED"})
# The result of the last run, as far as the job's state tells.
RESULT: dict[State, Result] = {
    "RETRYING": "failed",
    "SUCCEEDED": "succeeded",
    "DEAD": "failed",
    "CANCELLED": "cancelled",
}

SUBMITTED = "SUBMITTED"
REDRIVEN = "REDRIVEN"
ACTED = "ACTED"
# So many of the jobs that an action concerned are told of: a message has a limit.
MOST_TOUCHED = 10_000

PUBLISH_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """The new state of a job. Times are unix seconds; ``attempts`` includes the present one.

    ``run`` is the number of the run that has brought the state, 0 before the first. It only grows, so state
    changes can be put in order although they may arrive twice, late, and with the times of different clocks.
    ``outcome`` is what that run came to; None while it goes on.
    ``redrive`` is the id of the last redrive, as the message says: a redriven job may end without a run.
    """

    job: str
    event: str
    batch: str | None = None
    queued: float | None = None
    state: State
    run: int = 0
    attempts: int
    node: str
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    redrive: str | None = None

    @property
    def reason(self) -> str | None:
        return self.outcome.reason if self.outcome else None


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A batch of ``jobs`` jobs is being submitted; ``submitted`` is their number once that has ended."""

    batch: str
    event: str
    jobs: int
    submitted: int | None = None


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """A dead job was put back into its queue. ``redrive`` is an id that differs each time."""

    job: str
    event: str
    redrive: str
    batch: str | None = None


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A job that an action concerned; ``before`` are values of metadata that the action has replaced."""

    job: str
    batch: str | None = None
    before: Mapping[str, str | list[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Action:
    """What an operator did, and to which jobs. Times are unix seconds; ``id`` differs each time."""

    id: str
    at: float
    action: str
    event: str
    who: str
    what: str
    jobs: tuple[Touched, ...] = ()


Announcement = StateChange | Submission | Redrive | Action


async def announce(broker: Broker, announcement: Announcement, *, seconds: float = PUBLISH_SECONDS) -> None:
    """Publish it, and return when the broker has confirmed it, within SECONDS. Nobody has to subscribe.

    Raises BrokerDown, Unconfirmed, Rejected.
    """
    properties = pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
    await broker.publish(
        names.EVENTS_EXCHANGE,
        routing_key(announcement),
        encode(announcement),
        properties,
        seconds=seconds,
        mandatory=False,
    )


def routing_key(announcement: Announcement) -> str:
    match announcement:
        case StateChange():
            what: str = announcement.state
        case Submission():
            what = SUBMITTED
        case Redrive():
            what = REDRIVEN
        case Action():
            what = ACTED
    return f"{announcement.event}.{what}"


def encode(announcement: Announcement) -> bytes:
    fields = dict(vars(announcement))
    if isinstance(announcement, StateChange):
        fields |= outcome.to_fields(fields.pop("outcome"))
    if isinstance(announcement, Action):
        fields["jobs"] = [vars(touched) for touched in announcement.jobs[:MOST_TOUCHED]]
    return json.dumps({"at": time.time(), **fields}).encode()


def decode(body: bytes) -> Announcement:
    """What was announced. Keys of a later version are ignored. Raises ValueError for anything else."""
    try:
        fields = json.loads(body)
        if "state" in fields:
            known = _known(StateChange, fields)
            if not isinstance(known.get("run", 0), int):
                raise ValueError(f"run is {known['run']!r}")
            came_to = outcome.from_fields(RESULT.get(fields["state"], "interrupted"), fields)
            return StateChange(**{**known, "outcome": came_to if fields["state"] in RESULT else None})
        if "action" in fields:
            jobs = tuple(Touched(**_known(Touched, each)) for each in fields["jobs"])
            return Action(**{**_known(Action, fields), "jobs": jobs})
        if "redrive" in fields:
            return Redrive(**_known(Redrive, fields))
        return Submission(**_known(Submission, fields))
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"not an announcement of this cluster: {error!r}") from error


def _known(kind: type[Announcement | Touched], fields: dict[str, Any]) -> dict[str, Any]:
    return {key: fields[key] for key in kind.__dataclass_fields__ if key in fields}
