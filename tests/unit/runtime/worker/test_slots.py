"""An event has as many slots as its setting says, and jobs get them in the order in which they came."""

import asyncio

from runtime.messaging.event import Event
from runtime.worker.slots import Slots


def test_a_job_waits_for_a_slot_of_its_own_event_only() -> None:
    async def take() -> list[str]:
        slots = Slots([Event(name="one", max_workflows=1), Event(name="other", max_workflows=1)])
        order: list[str] = []

        async def job(name: str, event: str) -> None:
            slot = await slots.take(event)
            order.append(name)
            await asyncio.sleep(0.01)
            slot.free()

        await asyncio.gather(job("first", "one"), job("second", "one"), job("third", "other"))
        return order

    assert asyncio.run(take()) == ["first", "third", "second"]
