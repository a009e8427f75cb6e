"""What the recorder tells while the history's disk is full."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, cast

import pytest

from runtime.messaging.announcements import Submission, encode
from runtime.messaging.broker import Broker
from runtime.messaging.session import Delivery
from runtime.status_service import recorder
from runtime.status_service.recorder import Recorder
from runtime.status_service.store import Store

SECONDS = 30


class FullDisk:
    """A history that takes nothing until it has room."""

    has_room = False

    def apply(self, _announcements: object) -> None:
        if not self.has_room:
            raise sqlite3.OperationalError("database or disk is full")

    def prune(self) -> int:
        return 0


class BrokerWithThree:
    """Delivers three announcements, and again those that are returned."""

    async def consume(self, _queue: str, *, prefetch: int, handler: Callable[[Delivery], None]) -> None:
        for number in range(3):
            _Announced(number, handler).deliver()


class _Announced:
    def __init__(self, number: int, handler: Callable[[Delivery], None]) -> None:
        self.body = encode(Submission(batch=f"b{number}", event="e", jobs=1))
        self._handler = handler

    def deliver(self) -> None:
        self._handler(cast(Any, self))

    requeue = deliver

    def ack(self) -> None:
        pass


def test_announcements_that_a_full_disk_does_not_take_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PAUSE_SECONDS", 0.01)
    history, told = FullDisk(), asyncio.Event()
    recording = Recorder(
        cast(Broker, BrokerWithThree()), cast(Store, history), lambda _announcements: told.set()
    )

    async def see() -> tuple[int, int]:
        task = asyncio.create_task(recording.run())
        async with asyncio.timeout(SECONDS):
            while not recording.not_recorded():
                await asyncio.sleep(0.01)
            waiting = recording.not_recorded()
            history.has_room = True
            await told.wait()
        task.cancel()
        return waiting, recording.not_recorded()

    assert asyncio.run(see()) == (3, 0)
