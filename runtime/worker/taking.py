"""Of which events this container takes jobs: of all but those that an operator has paused."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from runtime.messaging.broker import Broker
from runtime.messaging.event import Event
from runtime.messaging.session import Delivery
from runtime.records.pauses import LOOK_SECONDS, Pauses

log = logging.getLogger(__name__)


class Taking:
    """Subscribes to the queues of events, and ends that while an event is paused.

    What was taken before goes on: a pause takes nothing back.
    """

    def __init__(
        self, events: Sequence[Event], *, broker: Broker, pauses: Pauses, handler: Callable[[Delivery], None]
    ) -> None:
        self._events = events
        self._broker = broker
        self._pauses = pauses
        self._handler = handler
        self._taken: set[str] = set()
        self._paused: set[str] = set()

    async def keep(self) -> None:
        """Look which events are paused, again and again, until the task is cancelled."""
        while True:
            try:
                await self._look()
            except OSError as error:
                # The shared disk. Until it tells otherwise, all stays as it is.
                log.warning("it is not known which events are paused: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        paused = await asyncio.to_thread(self._pauses.names)
        for event in self._events:
            name = event.name
            if name in paused:
                if name not in self._paused:
                    log.info("jobs of %s are paused: this container takes none", name)
                self._paused.add(name)
                if name in self._taken:
                    self._taken.remove(name)
                    await self._broker.stop_consuming(name)
            elif name not in self._taken:
                self._paused.discard(name)
                self._taken.add(name)
                await self._broker.consume(name, prefetch=event.max_workflows, handler=self._handler)
                log.info("taking jobs of %s, %d at once", name, event.max_workflows)
