"""One connection to RabbitMQ, from open to lost: pika's callbacks turned into awaitables."""

import asyncio
import contextlib
import re
import socket
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pika
import pika.exceptions
from pika.adapters.asyncio_connection import AsyncioConnection

from runtime.messaging import pika_values
from runtime.messaging.topology import LIMIT, Topology, is_low_limit

CONNECT_SECONDS = 15.0
ANSWER_SECONDS = 60.0
CLOSE_SECONDS = 3.0
NOT_FOUND = 404
# How RabbitMQ refuses a declaration that differs from the queue: it names one argument and its value.
DIFFERENCE = re.compile(r"inequivalent arg '(.+?)' .* but current is (?:the value )?'(.*?)'")
MOST_ARGUMENTS = 20


# A returned message is recognised by exchange, key, id and body. Two that are equal in all go the same way.
_Sent = tuple[str, str, str | None, bytes]


class Lost(ConnectionError):
    """The connection could not be made, or broke off."""


class Unroutable(Exception):
    """No queue took the message."""


class Rejected(Exception):
    """The broker refused the message."""


@dataclass(eq=False, kw_only=True)
class Delivery:
    """A message taken from a queue.

    Once its connection is lost the broker delivers it again, and answers to this delivery do nothing.
    """

    queue: str
    properties: pika.BasicProperties
    body: bytes
    redelivered: bool
    session: "Session"
    tag: int
    answered: bool = False

    @property
    def alive(self) -> bool:
        return self.session.open

    def ack(self) -> None:
        self.answered = True
        if self.alive:
            self.session.consuming.basic_ack(self.tag)

    def requeue(self) -> None:
        self.answered = True
        if self.alive:
            self.session.consuming.basic_nack(self.tag, requeue=True)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    queue: str
    prefetch: int
    handler: Callable[[Delivery], None]


async def connect(parameters: pika.ConnectionParameters) -> "Session":
    """A session that is ready to publish and to consume; raises Lost."""
    pika_values.accept_all()
    session = Session()
    try:
        await session.start(parameters)
    except BaseException:
        await session.close()
        raise
    return session


class Session:
    """``lost`` is done, with the reason, once the connection cannot be used any more.

    ``blocked`` is what the broker is short of, while it takes no message for that.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unconfirmed: dict[int, tuple[asyncio.Future[None], _Sent]] = {}
        self._returned: Counter[_Sent] = Counter()
        self._published = 0
        self._consumer_tags: dict[str, str] = {}  # by the queue
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.blocked: str | None = None

    @property
    def open(self) -> bool:
        return not self.lost.done()

    async def start(self, parameters: pika.ConnectionParameters) -> None:
        self._connection = _Connection(
            parameters,
            on_open_callback=lambda _: _resolve(self._opened, None),
            on_open_error_callback=lambda _, error: self._end(_cause(error)),
            on_close_callback=lambda _, error: self._end(_cause(error)),
            custom_ioloop=self._loop,
        )
        self._connection.add_on_connection_blocked_callback(self._on_blocked)
        self._connection.add_on_connection_unblocked_callback(self._on_unblocked)
        await self._either(self._opened, CONNECT_SECONDS)
        self.consuming = await self._channel()
        self.consuming.add_on_cancel_callback(lambda _: self._abandon("the broker cancelled the consumer"))
        self._publishing = await self._channel()
        self._publishing.add_on_return_callback(
            lambda _, method, properties, body: self._returned.update(
                [(method.exchange, method.routing_key, properties.message_id, body)]
            )
        )
        await self._answer(self._publishing.confirm_delivery, ack_nack_callback=self._on_confirm)

    async def close(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None and not connection.is_closed and self.open:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()
            await asyncio.wait({self.lost}, timeout=CLOSE_SECONDS)
        self._end("closed")

    async def declare(self, topology: Topology) -> None:
        """Declare what is not there yet. What is there is taken as it is, if it is safe. Raises Lost."""
        channel = await self._channel()
        for exchange in topology.exchanges:
            await self._answer(channel.exchange_declare, exchange.name, exchange.kind, durable=True)
        for queue in topology.queues:
            if await self._has(queue.name):
                if not queue.arguments:
                    await self._refuse_low_limit(queue.name)
            else:
                arguments = queue.arguments_for(self._version)
                await self._answer(channel.queue_declare, queue.name, durable=True, arguments=arguments)
            await self._answer(channel.queue_bind, queue.name, queue.exchange, queue.key)
        channel.close()

    def publish(
        self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties, *, mandatory: bool
    ) -> asyncio.Future[None]:
        """Send a message. The future ends with its confirm, or with Lost, Unroutable or Rejected."""
        confirmed: asyncio.Future[None] = self._loop.create_future()
        try:
            self._publishing.basic_publish(exchange, key, body, properties, mandatory=mandatory)
        except pika.exceptions.AMQPError as error:
            confirmed.set_exception(Lost(_cause(error)))
            return confirmed
        self._published += 1
        self._unconfirmed[self._published] = (confirmed, (exchange, key, properties.message_id, body))
        return confirmed

    async def subscribe(self, subscription: Subscription) -> None:
        def on_message(_: Any, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
            subscription.handler(
                Delivery(
                    queue=subscription.queue,
                    properties=properties,
                    body=body,
                    redelivered=method.redelivered,
                    session=self,
                    tag=method.delivery_tag,
                )
            )

        # The limit applies to each consumer that is made after it.
        await self._answer(self.consuming.basic_qos, prefetch_count=subscription.prefetch)
        # Named after the host, so that the broker tells which containers take jobs.
        tag = f"{socket.gethostname()}.{uuid.uuid4().hex}"
        frame = await self._answer(
            self.consuming.basic_consume, subscription.queue, on_message, consumer_tag=tag
        )
        self._consumer_tags[subscription.queue] = frame.method.consumer_tag

    async def unsubscribe(self, queue: str) -> None:
        if tag := self._consumer_tags.pop(queue, None):
            await self._answer(self.consuming.basic_cancel, tag)

    async def delete(self, queue: str) -> None:
        await self._answer(self.consuming.queue_delete, queue)

    async def depth(self, queue: str) -> int | None:
        """How many messages wait in a queue at this moment; None if there is no such queue. Raises Lost."""
        declared: list[Any] = []
        await self._refusal(queue, on_answer=declared.append, passive=True)
        return int(declared[0].method.message_count) if declared else None

    @property
    def _version(self) -> str:
        return str(self._connection.server_properties.get("version", ""))

    async def _has(self, queue: str) -> bool:
        refusal = await self._refusal(queue, passive=True)
        if refusal is not None and refusal.reply_code != NOT_FOUND:
            raise Lost(_cause(refusal))
        return refusal is None

    async def _refuse_low_limit(self, queue: str) -> None:
        """Raises Lost if an argument of the queue lets RabbitMQ drop a message after a few returns.

        A user's rights are enough to learn of arguments, not to learn of policies.
        """
        # RabbitMQ names one difference. With that in the declaration it names the next.
        arguments: dict[str, int | str] = {}
        for _ in range(MOST_ARGUMENTS):
            refusal = await self._refusal(queue, durable=True, arguments=arguments)
            found = DIFFERENCE.search(refusal.reply_text) if refusal else None
            if found is None or found[1] in arguments:
                return
            name, value = found.groups()
            if name == LIMIT and is_low_limit(int(value), self._version):
                raise Lost(
                    f"queue {queue} has {LIMIT} {value}: RabbitMQ drops what is returned more often. "
                    f"Empty it, type: rabbitmqctl delete_queue --if-empty {queue}, "
                    f"and declare it without {LIMIT}"
                )
            arguments[name] = int(value) if value.lstrip("-").isdecimal() else value

    async def _refusal(
        self, queue: str, *, on_answer: Callable[[Any], None] = lambda _: None, **declaration: Any
    ) -> pika.exceptions.ChannelClosedByBroker | None:
        """How the broker refuses a declaration of a queue; None if it does not."""
        # It closes the channel to refuse.
        channel = await self._answer(lambda callback: self._connection.channel(on_open_callback=callback))
        closed: asyncio.Future[Any] = self._loop.create_future()
        channel.add_on_close_callback(lambda _, error: _resolve(closed, error))

        def answered(frame: Any) -> None:
            on_answer(frame)
            channel.close()

        channel.queue_declare(queue, **declaration, callback=answered)
        answer = await self._either(closed, ANSWER_SECONDS)
        if isinstance(answer, pika.exceptions.ChannelClosedByClient):
            return None
        if isinstance(answer, pika.exceptions.ChannelClosedByBroker):
            return answer
        raise Lost(_cause(answer))

    async def _channel(self) -> Any:
        channel = await self._answer(lambda callback: self._connection.channel(on_open_callback=callback))
        channel.add_on_close_callback(self._on_channel_closed)
        return channel

    async def _answer(self, ask: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        """What the broker answers to a method; raises Lost if it closes the channel or does not answer."""
        answered: asyncio.Future[Any] = self._loop.create_future()
        try:
            ask(*args, **kwargs, callback=lambda frame: _resolve(answered, frame))
        except pika.exceptions.AMQPError as error:
            raise Lost(_cause(error)) from error
        return await self._either(answered, ANSWER_SECONDS)

    async def _either(self, answered: asyncio.Future[Any], seconds: float) -> Any:
        await asyncio.wait({answered, self.lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            return answered.result()
        raise Lost(
            self.lost.result() if self.lost.done() else f"the broker did not answer within {seconds:g} s"
        )

    def _on_confirm(self, frame: Any) -> None:
        tag, method = frame.method.delivery_tag, frame.method
        tags = [sent for sent in self._unconfirmed if sent <= tag] if method.multiple else [tag]
        for sent in tags:
            confirmed, message = self._unconfirmed.pop(sent)
            # The broker hands a message that no queue took back before it confirms it.
            returned = bool(self._returned) and self._returned[message] > 0
            if returned:
                self._returned -= Counter([message])
            if confirmed.done():
                continue
            if returned:
                confirmed.set_exception(Unroutable("no queue takes the message"))
            elif isinstance(method, pika.spec.Basic.Nack):
                confirmed.set_exception(Rejected("the broker refused the message"))
            else:
                confirmed.set_result(None)

    def _on_blocked(self, _: Any, frame: Any) -> None:
        self.blocked = frame.method.reason or "out of something"

    def _on_unblocked(self, *_: Any) -> None:
        self.blocked = None

    def _on_channel_closed(self, _: Any, error: Exception) -> None:
        # A close by us ends only that channel. A close by the broker means that this session is out of step.
        if not isinstance(error, pika.exceptions.ChannelClosedByClient):
            self._abandon(_cause(error))

    def _abandon(self, reason: str) -> None:
        self._end(reason)
        if self._connection.is_open:
            self._connection.close()

    def _end(self, reason: str) -> None:
        _resolve(self.lost, reason)
        for confirmed, _ in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(Lost(reason))
        self._unconfirmed.clear()


class _Connection(AsyncioConnection):  # type: ignore[misc]
    """Sends all that is written in one turn of the event loop at once.

    pika makes a system call for each frame, and a message has three.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._unsent: list[bytes] = []
        super().__init__(*arguments, **settings)

    def _adapter_emit_data(self, data: bytes) -> None:
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None:
            super()._adapter_emit_data(data)


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _cause(error: BaseException) -> str:
    """What went wrong, out of the exceptions that pika wraps around it."""
    while True:
        wrapped = [
            getattr(error, "exception", None),
            error.__cause__,
            *getattr(error, "exceptions", ()),
            *error.args,
        ]
        inner = next((each for each in reversed(wrapped) if isinstance(each, BaseException)), None)
        if inner is None:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        error = inner
