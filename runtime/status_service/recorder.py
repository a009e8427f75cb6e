"""Records the announcements in the status service's queue in the history, then acknowledges them."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence

from runtime import names
from runtime.messaging.announcements import Announcement, decode
from runtime.messaging.broker import Broker
from runtime.messaging.session import Delivery
from runtime.status_service.store import Store

log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
PRUNE_EVERY_SECONDS = 60.0
PAUSE_SECONDS = 2.0


class Recorder:
    """Records announcements. ``on_recorded`` is called with those that were recorded just now."""

    def __init__(
        self, broker: Broker, store: Store, on_recorded: Callable[[Sequence[Announcement]], None]
    ) -> None:
        self._broker = broker
        self._store = store
        self._on_recorded = on_recorded
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        self._refused = 0

    def not_recorded(self) -> int:
        """The announcements that wait here since the disk did not take the last ones."""
        return self._refused and self._refused + self._arrived.qsize()

    async def run(self) -> None:
        """Record until the task is cancelled, and remove old history meanwhile."""
        await self._broker.consume(
            names.STATUS_QUEUE, prefetch=2 * MOST_AT_ONCE, handler=self._arrived.put_nowait
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record())
            group.create_task(self._prune())

    async def _record(self) -> None:
        while True:
            deliveries = [await self._arrived.get()]
            while len(deliveries) < MOST_AT_ONCE and not self._arrived.empty():
                deliveries.append(self._arrived.get_nowait())
            announcements = [found for delivery in deliveries if (found := _decoded(delivery)) is not None]
            try:
                await asyncio.to_thread(self._apply, announcements)
            except sqlite3.OperationalError as error:
                # A full disk, most likely. The broker keeps the announcements meanwhile.
                log.error("%d announcements could not be recorded: %s", len(announcements), error)
                self._refused = len(deliveries)
                await asyncio.sleep(PAUSE_SECONDS)
                for delivery in deliveries:
                    delivery.requeue()
                continue
            self._refused = 0
            for delivery in deliveries:
                delivery.ack()
            self._on_recorded(announcements)

    def _apply(self, announcements: Sequence[Announcement]) -> None:
        try:
            self._store.apply(announcements)
        except sqlite3.OperationalError:
            raise
        except Exception:
            # Anybody can publish there, so one of them may not be ours. The others are still recorded.
            for each in announcements:
                try:
                    self._store.apply([each])
                except sqlite3.OperationalError:
                    raise
                except Exception as error:
                    log.warning("passed over an announcement that cannot be: %s (%r)", error, each)

    async def _prune(self) -> None:
        while True:
            try:
                if gone := await asyncio.to_thread(self._store.prune):
                    log.info("forgot %d jobs that ended long ago", gone)
            except sqlite3.Error as error:
                log.error("old history could not be removed: %s", error)
            await asyncio.sleep(PRUNE_EVERY_SECONDS)


def _decoded(delivery: Delivery) -> Announcement | None:
    try:
        return decode(delivery.body)
    except ValueError as error:
        log.warning("passed over a message: %s", error)
        return None
