"""What the routes answer from, and how a route gets hold of it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from runtime.messaging.broker import Broker
from runtime.records.story import Stories
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.management import Management
from runtime.status_service.numbers import Numbers
from runtime.status_service.store import Store


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of the running service."""

    token: str
    store: Store
    broker: Broker
    management: Management
    numbers: Numbers
    cancellation: Cancellation
    stories: Stories


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Service = Annotated[Parts, Depends(_parts)]
