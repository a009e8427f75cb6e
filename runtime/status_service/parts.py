"""What the routes answer from, and how a route gets hold of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from runtime.messaging.broker import Broker
from runtime.records.ledger import Ledger, message_of
from runtime.records.story import Stories
from runtime.status_service.access import Access
from runtime.status_service.alarms import Alarms
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.changes import Changes
from runtime.status_service.disks import Disks
from runtime.status_service.errors import Refused
from runtime.status_service.live import Live
from runtime.status_service.management import Management
from runtime.status_service.numbers import Numbers
from runtime.status_service.operations import Operations
from runtime.status_service.paused import PausedEvents
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch
from runtime.status_service.workflows import Workflows


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of the running service."""

    access: Access
    store: Store
    broker: Broker
    management: Management
    numbers: Numbers
    cancellation: Cancellation
    stories: Stories
    ledger: Ledger
    live: Live
    archive: Path
    disks: Disks
    alarms: Alarms
    paused: PausedEvents
    swarm: SwarmWatch
    changes: Changes
    operations: Operations
    workflows: Workflows

    async def share_answers(self) -> bool:
        """Whether it does now. Who asks a share that does not keeps a thread that all views need."""
        return (await self.paused.look()).now

    def message(self, event: str, job: str) -> dict[str, Any] | None:
        """What the job's message is made of, as its runs have recorded it. It may block on the disk."""
        return message_of(self.ledger.history(event, job))


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Service = Annotated[Parts, Depends(_parts)]


async def with_share(service: Service) -> None:
    """Go on only if the share answers; raises Refused."""
    if not await service.share_answers():
        raise Refused(503, "the share does not answer: try again when it does")


# Of a route that cannot do without the share.
WithShare = Depends(with_share)
