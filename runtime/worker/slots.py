"""The slots of a container: of each event as many jobs at once as its setting allows."""

import asyncio
from collections.abc import Sequence

from runtime.messaging.event import Event


class Slot:
    """A place that a job has taken; ``free`` gives it back."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places

    def free(self) -> None:
        self._places.release()


class Slots:
    """The slots of each event."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._places = {event.name: asyncio.Semaphore(event.max_workflows) for event in events}

    async def take(self, event: str) -> Slot:
        """Return once the event has a free slot; jobs get theirs in the order in which they came."""
        await self._places[event].acquire()
        return Slot(self._places[event])
