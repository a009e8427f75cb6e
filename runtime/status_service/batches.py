"""Finds a batch by its name, and tells how far it is."""

import asyncio
import time

from runtime.messaging.broker import BrokerDown
from runtime.status_service.errors import Refused
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts
from runtime.status_service.progress import is_over, progress
from runtime.status_service.store import Store


async def known(store: Store, name: str, event: str | None) -> Record:
    """The batch of this name; raises Refused if there is none, or more than one."""
    found = await asyncio.to_thread(store.batch, name, event=event)
    if not found:
        raise Refused(404, f"no batch {name} is known")
    if len(found) > 1:
        events = " or ".join(each["event"] for each in found)
        raise Refused(400, f"several events have a batch {name}: say which event, {events}")
    return found[0]


async def now(service: Parts, name: str, event: str | None) -> Record:
    """The batch of this name with how far it is, also while the management is silent; raises Refused."""
    batch = await known(service.store, name, event)
    at = time.time()
    try:
        over = is_over(batch, await service.numbers.of_event(batch["event"]), at)
    except BrokerDown:
        over = False  # nobody knows
    return progress(batch, over=over, at=at)
