"""What the routes answer from, and how a route gets hold of it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from runtime.messaging.broker import Broker
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.management import Management, ManagementDown, Snapshot
from runtime.status_service.store import Store


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of the running service."""

    token: str
    store: Store
    broker: Broker
    management: Management
    cancellation: Cancellation

    async def look(self) -> tuple[Snapshot | None, str | None]:
        """The broker now, or why nothing is known of it."""
        try:
            return await self.management.snapshot(), None
        except ManagementDown as error:
            return None, str(error)


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Service = Annotated[Parts, Depends(_parts)]
