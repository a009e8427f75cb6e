"""What the tests of the worker give it: deliveries, works, and a broker that records."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pika

from runtime import names
from runtime.messaging import messages
from runtime.messaging.event import Event
from runtime.messaging.session import Delivery
from runtime.worker.work import Received, Work

EVENT = Event(name="event")


class FakeDelivery:
    """A message that this process has received over a connection that is up or has been lost."""

    def __init__(
        self,
        *,
        queue: str = EVENT.name,
        body: bytes = b"{}",
        alive: bool = True,
        redelivered: bool = False,
        **properties: Any,
    ) -> None:
        self.queue = queue
        self.body = body
        self.alive = alive
        self.redelivered = redelivered
        self.properties = pika.BasicProperties(**properties)
        self.answer: str | None = None

    @property
    def answered(self) -> bool:
        return self.answer is not None

    def ack(self) -> None:
        self.answer = "ack"

    def requeue(self) -> None:
        self.answer = "requeue"


def delivery(**about: Any) -> Any:
    return FakeDelivery(**{"message_id": "job", **about})


def received(**about: Any) -> Received:
    came = delivery(**about)
    job = messages.decode(came.queue, came.properties, came.body, redelivered=came.redelivered)
    return Received(job=job, delivery=cast(Delivery, came))


def work(*messages_of_it: Received, begun: bool = False) -> Work:
    first = messages_of_it[0] if messages_of_it else received()
    return Work(job=first.job, received=list(messages_of_it), begun=begun)


class FakeBroker:
    """Confirms what is published, and keeps where it went. ``meanwhile`` is called before each confirm."""

    def __init__(self, meanwhile: Callable[[str], None] = lambda _: None) -> None:
        self.published: list[tuple[str, pika.BasicProperties]] = []
        self.announced: list[dict[str, Any]] = []
        self._meanwhile = meanwhile

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.published]

    async def publish(
        self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties, **_: object
    ) -> None:
        self.published.append((key, properties))
        if exchange == names.EVENTS_EXCHANGE:
            self.announced.append(json.loads(body))
        self._meanwhile(key)
        await asyncio.sleep(0)
