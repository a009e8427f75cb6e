"""RabbitMQ as this cluster uses it: queues, sessions, confirms, deliveries, dead letters, time to live.

A session has the interface of runtime.messaging.session.Session. What goes over it arrives in order, late if
the session is stalled, and not at all once it is cut. The two ends learn of a cut at different times.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pika

from runtime import names
from runtime.messaging.event import Event
from runtime.messaging.session import Delivery, Lost, Rejected, Subscription, Unroutable
from runtime.messaging.topology import DELIVERY_LIMIT, STATUS_QUEUE, Topology, topology
from tests.simulation.clock import PROCESS, Process

if TYPE_CHECKING:
    from tests.simulation.world import World

STAMP = "timestamp_in_ms"
# Longer than the shortest wait in a retry queue, shorter than the patience of a publisher.
STALL_SECONDS = 12.0


@dataclass(eq=False, kw_only=True)
class Message:
    """A message in one queue, or on its way to a consumer of it."""

    key: str
    body: bytes
    properties: pika.BasicProperties
    returned: int = 0

    def __str__(self) -> str:
        return str(self.properties.message_id or self.body[:40].decode())


@dataclass(eq=False, kw_only=True)
class Consumer:
    session: "Session"
    subscription: Subscription
    unanswered: int = 0


@dataclass(eq=False, kw_only=True)
class Queue:
    name: str
    ttl: float | None = None
    dead_letters_to: str | None = None
    limit: int | None = None
    ready: list[Message] = field(default_factory=list)
    out: list[Message] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        return [*self.ready, *self.out]


class RabbitMQ:
    """One broker. Its queues are on its disk."""

    def __init__(self, world: "World", events: tuple[Event, ...]) -> None:
        self.world = world
        self.up = True
        self.sessions: list[Session] = []
        self.heard: list[dict[str, Any]] = []  # all announcements
        self.queues: dict[str, Queue] = {}
        for queue in (*topology(events).queues, STATUS_QUEUE):
            ttl, limit = queue.policy.get("message-ttl"), queue.policy.get("delivery-limit")
            if limit == DELIVERY_LIMIT:
                limit = world.delivery_limit
            self.queues[queue.name] = Queue(
                name=queue.name,
                ttl=ttl / 1000 if ttl else None,
                dead_letters_to=queue.policy.get("dead-letter-routing-key"),
                limit=limit if limit and limit > 0 else None,
            )
        if world.foreign:
            for event in events:
                self.queues[event.name].limit = world.foreign_limit
                self.queues[event.name].dead_letters_to = None

    async def connect(self, parameters: pika.ConnectionParameters) -> "Session":
        process = PROCESS.get()
        assert process is not None
        await asyncio.sleep(self.world.latency())
        if not self.up or self.world.happens("no connection"):
            raise Lost("the broker is away")
        name = parameters.client_properties["connection_name"]
        session = Session(self, process, name)
        self.sessions.append(session)
        process.ends.append(lambda: self.world.later(self.world.heartbeat(), session.close_here))
        return session

    def put(self, queue: Queue, message: Message) -> None:
        headers = message.properties.headers or {}
        if self.world.stamps and STAMP not in headers:
            message.properties.headers = {**headers, STAMP: self.world.milliseconds()}
        queue.ready.append(message)
        if queue.ttl is not None:
            self.world.later(queue.ttl, self._expire, queue, message)
        self.pump(queue)

    def route(self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties) -> bool:
        """Put a message where it belongs; false if no queue takes it."""
        if exchange == names.EVENTS_EXCHANGE:
            self.world.announced(json.loads(body))
            key = names.STATUS_QUEUE
        queue = self.queues.get(key)
        if queue is not None:
            self.put(queue, Message(key=key, body=body, properties=_copy(properties)))
        return queue is not None

    def pump(self, queue: Queue) -> None:
        """Deliver what waits to consumers that may have more."""
        while queue.ready and self.up:
            free = [each for each in queue.consumers if each.unanswered < each.subscription.prefetch]
            if not free:
                return
            consumer = free[0]
            queue.consumers.remove(consumer)
            queue.consumers.append(consumer)
            message = queue.ready.pop(0)
            queue.out.append(message)
            consumer.session.deliver(queue, consumer, message)

    def give_back(self, queue: Queue, message: Message) -> None:
        queue.out.remove(message)
        message.returned += 1
        if queue.limit is not None and message.returned > queue.limit:
            self._dead_letter(queue, message, "delivery_limit")
        else:
            queue.ready.insert(0, message)
            self.pump(queue)

    def _expire(self, queue: Queue, message: Message) -> None:
        if message in queue.ready:
            queue.ready.remove(message)
            self._dead_letter(queue, message, "expired")

    def _dead_letter(self, queue: Queue, message: Message, reason: str) -> None:
        if queue.dead_letters_to is None:
            self.world.note(f"broker: {queue.name} drops {message}")
            return
        properties = _copy(message.properties)
        death = {"queue": queue.name, "reason": reason, "count": 1}
        properties.headers = {**(properties.headers or {}), "x-death": [death]}
        target = self.queues[queue.dead_letters_to]
        self.put(target, Message(key=target.name, body=message.body, properties=properties))

    def stop(self) -> None:
        """The broker goes down, and keeps what it has on its disk."""
        self.up = False
        for session in list(self.sessions):
            session.close_here()
            self.world.later(self.world.latency(), session.close_there, "the broker went down")

    def start(self) -> None:
        self.up = True
        for queue in self.queues.values():
            self.pump(queue)


class Session:
    """A connection of a process, both ends."""

    def __init__(self, broker: RabbitMQ, process: Process, name: str) -> None:
        self.name = name
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.blocked: str | None = None
        self.consuming = self
        self._broker = broker
        self._world = broker.world
        self.process = process
        self._connected = True  # as the broker sees it
        self._stalled_until = 0.0
        self._arrives = {"up": 0.0, "down": 0.0}
        self._tags = itertools.count(1)
        self._unanswered: dict[int, tuple[Queue, Consumer, Message]] = {}
        self._unconfirmed: list[asyncio.Future[None]] = []

    # The client's end.

    @property
    def open(self) -> bool:
        return not self.lost.done()

    async def declare(self, _: Topology) -> None:
        await self._asked(lambda: None)

    def publish(
        self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties, *, mandatory: bool
    ) -> asyncio.Future[None]:
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._world.step("publish", f"{key} {properties.message_id or ''}")
        if not self.open:
            confirmed.set_exception(Lost("closed"))
            return confirmed
        self._unconfirmed.append(confirmed)
        if self._world.happens("stall", key):
            self.stall(STALL_SECONDS)
        sent = _copy(properties)

        def arrive() -> None:
            if self._world.happens("refusal", key):
                self._down(lambda: _fail(confirmed, Rejected("the broker refused the message")))
                return
            routed = self._broker.route(exchange, key, body, sent)
            self._world.note(f"broker: {key} has {sent.message_id or ''}")
            if not routed and mandatory:
                self._down(lambda: _fail(confirmed, Unroutable("no queue takes the message")))
            elif not self._world.happens("no confirm", key):
                self._down(lambda: self._confirm(confirmed, key))

        self._up(arrive)
        return confirmed

    async def subscribe(self, subscription: Subscription) -> None:
        def subscribed() -> None:
            queue = self._broker.queues[subscription.queue]
            queue.consumers.append(Consumer(session=self, subscription=subscription))
            self._broker.pump(queue)

        await self._asked(subscribed)

    async def unsubscribe(self, queue: str) -> None:
        await self._asked(lambda: self._forget_consumers(queue))

    async def close(self) -> None:
        self._up(self.close_here)
        self.close_there("closed")

    def basic_ack(self, tag: int) -> None:
        self._world.step("ack", self._about(tag))
        self._up(lambda: self._acknowledged(tag))

    def basic_nack(self, tag: int, *, requeue: bool) -> None:
        assert requeue
        self._world.step("requeue", self._about(tag))
        self._up(lambda: self._returned(tag))

    def close_there(self, reason: str) -> None:
        """The client learns that the connection is lost."""
        if self.open:
            self.lost.set_result(reason)
            for confirmed in self._unconfirmed:
                _fail(confirmed, Lost(reason))

    def _confirm(self, confirmed: asyncio.Future[None], key: str) -> None:
        self._world.step("confirm", key)
        _succeed(confirmed)

    async def _asked(self, request: Callable[[], None]) -> None:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            request()
            self._down(lambda: _succeed(answered))

        self._up(arrive)
        both: set[asyncio.Future[Any]] = {answered, self.lost}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise Lost(self.lost.result())

    # The broker's end.

    def deliver(self, queue: Queue, consumer: Consumer, message: Message) -> None:
        tag = next(self._tags)
        consumer.unanswered += 1
        self._unanswered[tag] = queue, consumer, message
        delivery = Delivery(
            queue=queue.name,
            properties=_counted(message),
            body=message.body,
            redelivered=message.returned > 0,
            session=self,  # type: ignore[arg-type]
            tag=tag,
        )

        def arrive() -> None:
            self._world.step("delivery", f"{queue.name} {message}{' again' if message.returned else ''}")
            consumer.subscription.handler(delivery)

        self._down(arrive)

    def close_here(self) -> None:
        """The broker ends the connection: what was not acknowledged goes back to its queue."""
        if not self._connected:
            return
        self._connected = False
        self._broker.sessions.remove(self)
        self._forget_consumers()
        for queue, _, message in reversed(list(self._unanswered.values())):
            self._broker.give_back(queue, message)
        self._unanswered.clear()

    def stall(self, seconds: float) -> None:
        self._stalled_until = self._world.loop.now + seconds

    def _forget_consumers(self, name: str | None = None) -> None:
        for queue in self._broker.queues.values():
            if name in {None, queue.name}:
                queue.consumers = [each for each in queue.consumers if each.session is not self]

    def _acknowledged(self, tag: int) -> None:
        queue, consumer, message = self._unanswered.pop(tag)
        consumer.unanswered -= 1
        queue.out.remove(message)
        self._broker.pump(queue)

    def _returned(self, tag: int) -> None:
        queue, consumer, message = self._unanswered.pop(tag)
        consumer.unanswered -= 1
        self._broker.give_back(queue, message)

    def _about(self, tag: int) -> str:
        if tag not in self._unanswered:
            return ""
        queue, _, message = self._unanswered[tag]
        return f"{queue.name} {message}"

    # The way between them.

    def _up(self, arrive: Callable[[], None]) -> None:
        def come() -> None:
            if self._connected:
                arrive()

        self._world.later(self._delay("up"), come)

    def _down(self, arrive: Callable[[], object]) -> None:
        def come() -> None:
            if self.open and self.process.alive:
                arrive()

        self._world.later(self._delay("down"), come, process=self.process)

    def _delay(self, way: str) -> float:
        now = self._world.loop.now
        self._arrives[way] = max(self._arrives[way] + 1e-5, self._stalled_until, now + self._world.latency())
        return self._arrives[way] - now


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        # Nobody has to ask for it.
        future.exception()


def _copy(properties: pika.BasicProperties) -> pika.BasicProperties:
    made = pika.BasicProperties()
    vars(made).update(vars(properties))
    made.headers = dict(properties.headers) if properties.headers else None
    return made


def _counted(message: Message) -> pika.BasicProperties:
    """The properties as they are delivered: they say how often the message was returned."""
    made = _copy(message.properties)
    if message.returned:
        made.headers = {**(made.headers or {}), "x-delivery-count": message.returned}
    return made
