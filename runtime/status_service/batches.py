"""Finds a batch by its name, and tells whether its submission goes on."""

import asyncio
import time

from runtime.messaging.broker import BrokerDown
from runtime.status_service.errors import Refused
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts
from runtime.status_service.store import Store

# A submission that was silent for so long was interrupted: it did not only pause.
INTERRUPTED_SECONDS = 60.0


async def known(store: Store, name: str, event: str | None) -> Record:
    """The batch of this name; raises Refused if there is none, or more than one."""
    found = await asyncio.to_thread(store.batch, name, event=event)
    if not found:
        raise Refused(404, f"no batch {name} is known")
    if len(found) > 1:
        events = " or ".join(each["event"] for each in found)
        raise Refused(400, f"several events have a batch {name}: say which event, {events}")
    return found[0]


async def is_interrupted(service: Parts, batch: Record) -> bool:
    """Whether the batch's submission was broken off, so that no job of it comes any more.

    Perhaps nobody announced it. Then the broker has no job of the event, and the batch does not change.
    """
    event, name = batch["event"], batch["batch"]
    if batch["submitted"] is not None:
        return False
    quiet = time.time() - await asyncio.to_thread(service.store.last_change, event, name)
    if quiet < INTERRUPTED_SECONDS:
        return False
    try:
        queues = await service.numbers.of_event(event)
    except BrokerDown:
        return False  # nobody knows
    return queues is None or not queues.queued + queues.taken + queues.retrying
