"""Tells browsers that something has changed, by server-sent events. They fetch again what they show."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator

from runtime.status_service.alarms import Alarms
from runtime.status_service.numbers import Numbers

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# A change of what is on the screen, and no more of them than a screen can show.
PAUSE_SECONDS = 0.5
ALIVE_SECONDS = 15.0


class Live:
    """Looks at numbers and alarms while somebody watches."""

    def __init__(self, numbers: Numbers, alarms: Alarms) -> None:
        self._numbers = numbers
        self._alarms = alarms
        self._watchers = 0
        self._version = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Look until the task is cancelled."""
        seen: object = None
        while True:
            if self._watchers:
                try:
                    now = await self._numbers.now()
                    alarms = [(alarm["summary"], alarm["began"]) for alarm in self._alarms.now]
                    found = (now.snapshot, now.problem, now.states, now.batches, alarms)
                except sqlite3.Error as error:
                    log.warning("nobody can tell what has changed: %s", error)
                    found = seen  # type: ignore[assignment]
                if found != seen:
                    seen = found
                    await self._tell()
            await asyncio.sleep(LOOK_SECONDS)

    async def end(self) -> None:
        """End all streams. Browsers open them again, at the next service."""
        self._ended = True
        await self._tell()

    async def stream(self) -> AsyncIterator[bytes]:
        """The first event comes at once: what was missed before is on the screen then."""
        self._watchers += 1
        told = -1
        try:
            while not self._ended:
                if told != self._version:
                    told = self._version
                    yield f"event: change\ndata: {told}\n\n".encode()
                    await asyncio.sleep(PAUSE_SECONDS)
                elif not await self._wait(told):
                    yield b": nothing new\n\n"
        finally:
            self._watchers -= 1

    async def _wait(self, told: int) -> bool:
        try:
            async with asyncio.timeout(ALIVE_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self._ended or self._version != told)
        except TimeoutError:
            return False
        return True

    async def _tell(self) -> None:
        async with self._changed:
            self._version += 1
            self._changed.notify_all()
