"""A connection that comes back, whatever ended it, and takes only what is still wanted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pika
import pika.exceptions
import pytest

from runtime.messaging import broker as broker_module
from runtime.messaging.broker import Broker
from runtime.messaging.session import Subscription

URL = "amqp://user:secret@broker/%2F"


class FakeSession:
    """A connection that is there until ``end`` is called."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.blocked: str | None = None
        self.subscribed: list[str] = []
        self._meanwhile = meanwhile

    @property
    def open(self) -> bool:
        return not self.lost.done()

    async def subscribe(self, subscription: Subscription) -> None:
        self.subscribed.append(subscription.queue)
        result = self._meanwhile()
        if asyncio.iscoroutine(result):
            await result

    async def unsubscribe(self, queue: str) -> None:
        self.subscribed.remove(queue)

    async def close(self) -> None:
        if self.open:
            self.lost.set_result("closed")


async def wait(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_connection_that_is_made_anew_while_the_process_stops_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions: list[FakeSession] = []

    async def story() -> list[str]:
        broker = Broker(URL, name="test")

        async def connect(_: object) -> Any:
            sessions.append(FakeSession(broker.stop_consuming if sessions else lambda: None))
            return sessions[-1]

        monkeypatch.setattr(broker_module, "connect", connect)
        async with broker:
            await broker.consume("one", prefetch=1, handler=lambda _: None)
            await broker.consume("two", prefetch=1, handler=lambda _: None)
            await wait(lambda: broker.connected and len(sessions[0].subscribed) == 2)
            sessions[0].lost.set_result("cut")
            await wait(lambda: len(sessions) == 2 and broker.connected)
            return sessions[1].subscribed

    assert asyncio.run(story()) == []


def test_a_queue_that_is_left_while_a_connection_is_made_anew_is_left_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions: list[FakeSession] = []

    async def story() -> list[str]:
        broker = Broker(URL, name="test")

        async def connect(_: object) -> Any:
            sessions.append(FakeSession((lambda: broker.stop_consuming("two")) if sessions else lambda: None))
            return sessions[-1]

        monkeypatch.setattr(broker_module, "connect", connect)
        async with broker:
            for queue in ("one", "two", "three"):
                await broker.consume(queue, prefetch=1, handler=lambda _: None)
            await wait(lambda: broker.connected and len(sessions[0].subscribed) == 3)
            sessions[0].lost.set_result("cut")
            await wait(lambda: len(sessions) == 2 and broker.connected)
            await broker.stop_consuming("three")
            return sessions[1].subscribed

    assert asyncio.run(story()) == ["one"]


@pytest.mark.parametrize("error", [pika.exceptions.ChannelWrongStateError("closed"), RuntimeError("odd")])
def test_a_connection_is_made_again_whatever_ended_the_last_attempt(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    attempts: list[object] = []

    async def connect(_: object) -> Any:
        attempts.append(error)
        if len(attempts) < 3:
            raise error
        return FakeSession()

    async def story() -> bool:
        async with Broker(URL, name="test") as broker:
            await broker.wait_connected(10)
            return broker.connected

    monkeypatch.setattr(broker_module, "connect", connect)
    monkeypatch.setattr(broker_module, "FIRST_PAUSE_SECONDS", 0.01)
    assert asyncio.run(story())


def test_a_message_that_is_not_confirmed_says_what_the_broker_is_short_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class BlockedSession(FakeSession):
        def publish(self, *_: object, **__: object) -> asyncio.Future[None]:
            self.blocked = "low on disk"
            return asyncio.get_running_loop().create_future()

    async def story() -> None:
        async def connect(_: object) -> Any:
            return BlockedSession()

        monkeypatch.setattr(broker_module, "connect", connect)
        async with Broker(URL, name="test") as broker:
            assert broker.blocked is None
            await broker.wait_connected(10)
            sending = broker.publish("x", "k", b"", pika.BasicProperties(), seconds=0.1)
            with pytest.raises(broker_module.Unconfirmed, match="it lets nobody publish, low on disk"):
                await sending
            assert broker.blocked == "low on disk"

    asyncio.run(story())
