"""A connection to RabbitMQ that comes back: declares, publishes with confirms, consumes.

Everything runs on the event loop's thread, heartbeats included, so whatever may block (the shared disk)
belongs on another thread.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Self

import pika

from runtime.messaging.session import Delivery, Lost, Session, Subscription, connect
from runtime.messaging.topology import Topology

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
# So many messages are written before the event loop may send them and read answers.
BURST = 100

Message = tuple[bytes, pika.BasicProperties]


class BrokerDown(ConnectionError):
    """The broker could not be reached, or did not confirm in time."""


class Unconfirmed(BrokerDown):
    """The broker is there, and did not confirm in time: one of the message's queues is broken, perhaps."""


class Broker:
    """Use as ``async with Broker(url, name=...) as broker``; it connects in the background."""

    def __init__(self, url: str, *, name: str, topology: Topology | None = None) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT_SECONDS
        self._parameters.client_properties = {"connection_name": name}
        self._topology = topology
        self._subscriptions: tuple[Subscription, ...] = ()
        self._session: Session | None = None
        self._changed = asyncio.Event()
        self._complaint = "not tried yet"

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep_connected())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper
        if self._session is not None:
            await self._session.close()

    @property
    def connected(self) -> bool:
        return self._session is not None

    @property
    def blocked(self) -> str | None:
        """Why the broker takes no message now, such as "low on disk"; None if it does, or is away."""
        return self._session.blocked if self._session is not None else None

    async def wait_connected(self, seconds: float) -> None:
        """Return once there is a connection; raises BrokerDown after SECONDS."""
        await self._current(_deadline(seconds))

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: pika.BasicProperties,
        *,
        seconds: float,
        mandatory: bool = True,
    ) -> None:
        """Return once the broker has the message.

        Raises BrokerDown or Unconfirmed after SECONDS, Unroutable, Rejected.

        If the connection breaks before the confirm, nobody knows whether the message arrived. It is sent
        again, so it may be there twice, with the same id.
        """
        deadline = _deadline(seconds)
        while True:
            session = await self._current(deadline)
            confirmed = session.publish(exchange, key, body, properties, mandatory=mandatory)
            async with self._confirmed_by(deadline, seconds):
                try:
                    return await confirmed
                except Lost:
                    # A session may refuse messages a moment before it is known to be lost.
                    await asyncio.wait({session.lost})

    async def publish_each(
        self,
        exchange: str,
        key: str,
        messages: Iterable[Message],
        *,
        at_once: int,
        seconds: float,
        confirmed: Callable[[int], None],
    ) -> None:
        """Publish many messages, AT_ONCE of them unconfirmed, with no task and no timer for each.

        CONFIRMED is told how many more the broker has. Raises as ``publish``, BrokerDown when there was no
        confirm for SECONDS; what was confirmed until then stays so.
        """
        waiting: Iterator[Message] = iter(messages)
        flight = _Flight(confirmed)
        try:
            while True:
                flight.raise_failure()
                deadline = _deadline(seconds)
                session = await self._current(deadline)
                burst = list(islice(waiting, min(BURST, at_once - len(flight.sent))))
                for message in burst:
                    flight.add(message, session.publish(exchange, key, *message, mandatory=True))
                if not burst and not flight.sent and not flight.lost:
                    return
                async with self._confirmed_by(deadline, seconds):
                    if burst and len(flight.sent) < at_once:
                        await asyncio.sleep(0)
                    else:
                        await flight.news()
                    if lost := flight.take_lost():
                        # A session may refuse messages a moment before it is known to be lost.
                        await asyncio.wait({session.lost})
                        waiting = chain(lost, waiting)
                flight.report()
        finally:
            flight.report()

    async def consume(self, queue: str, *, prefetch: int, handler: Callable[[Delivery], None]) -> None:
        """Call HANDLER for each message, at most PREFETCH unanswered, on this and every later connection."""
        subscription = Subscription(queue=queue, prefetch=prefetch, handler=handler)
        self._subscriptions += (subscription,)
        if self._session is not None:
            with contextlib.suppress(Lost):
                await self._session.subscribe(subscription)

    async def stop_consuming(self, queue: str | None = None) -> None:
        """Take no more messages, of this queue or of any; those taken can still be answered."""
        ended = [each for each in self._subscriptions if queue in {None, each.queue}]
        self._subscriptions = tuple(each for each in self._subscriptions if each not in ended)
        if self._session is not None:
            with contextlib.suppress(Lost):
                for each in ended:
                    await self._session.unsubscribe(each.queue)

    async def delete(self, queue: str) -> None:
        """Delete a private queue, if there is a connection; else it expires."""
        if self._session is not None:
            with contextlib.suppress(Lost):
                await self._session.delete(queue)

    async def depth(self, queue: str) -> int | None:
        """How many messages wait in a queue now; None if there is no such queue. Raises BrokerDown."""
        if self._session is None:
            raise BrokerDown(f"no connection to {self._address}: {self._complaint}")
        try:
            return await self._session.depth(queue)
        except Lost as error:
            raise BrokerDown(f"no connection to {self._address}: {error}") from error

    async def _current(self, deadline: float) -> Session:
        while self._session is None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise BrokerDown(f"no connection to {self._address}: {self._complaint}") from None
        return self._session

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                session = await connect(self._parameters)
                try:
                    if self._topology is not None:
                        await session.declare(self._topology)
                    await self._subscribe(session)
                    self._session = session
                    self._changed.set()
                    # The loss also wakes whoever waits for a confirm. They must not find this session again.
                    session.lost.add_done_callback(self._forget_session)
                    log.info("connected to %s", self._address)
                    await asyncio.wait({session.lost}, timeout=LONGEST_PAUSE_SECONDS)
                    if not session.open:
                        # The cause of so early an end may still be there.
                        raise Lost(session.lost.result())
                    failures = 0
                    await session.lost
                finally:
                    self._forget_session()
                    await session.close()
            except Exception as error:
                # Whatever it was: without this task the process would live on and never connect again.
                if not isinstance(error, ConnectionError):
                    log.exception("the connection to %s ended in an unexpected way", self._address)
                self._complaint = str(error)
                pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**failures) * random.uniform(0.5, 1)
                failures += 1
                log.warning("no connection to %s (%s); next try in %.1f s", self._address, error, pause)
                await asyncio.sleep(pause)

    async def _subscribe(self, session: Session) -> None:
        """Subscribe to all queues. ``consume`` and ``stop_consuming`` may be called meanwhile."""
        subscribed: list[Subscription] = []
        while True:
            if missing := [each for each in self._subscriptions if each not in subscribed]:
                await session.subscribe(missing[0])
                subscribed.append(missing[0])
            elif ended := [each for each in subscribed if each not in self._subscriptions]:
                await session.unsubscribe(ended[0].queue)
                subscribed.remove(ended[0])
            else:
                return

    def _forget_session(self, _: object = None) -> None:
        self._session = None
        self._changed.clear()

    @contextlib.asynccontextmanager
    async def _confirmed_by(self, deadline: float, seconds: float) -> AsyncIterator[None]:
        """Raises Unconfirmed at the deadline, which was SECONDS away."""
        try:
            async with asyncio.timeout_at(deadline):
                yield
        except TimeoutError:
            why = f": it lets nobody publish, {self.blocked}" if self.blocked else ""
            raise Unconfirmed(f"the broker did not confirm a message within {seconds:g} s{why}") from None

    @property
    def _address(self) -> str:
        return f"{self._parameters.host}:{self._parameters.port}"


class _Flight:
    """Messages that have no answer yet, and the answers since the last look."""

    def __init__(self, confirmed: Callable[[int], None]) -> None:
        self._tell = confirmed
        self.sent: dict[asyncio.Future[None], Message] = {}
        self.lost: list[Message] = []
        self._confirmed = 0
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    def add(self, message: Message, answer: asyncio.Future[None]) -> None:
        self.sent[answer] = message
        answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: asyncio.Future[None]) -> None:
        message = self.sent.pop(answer)
        error = answer.exception()
        if error is None:
            self._confirmed += 1
        elif isinstance(error, Lost):
            self.lost.append(message)
        else:
            self._failure = error
        self._news.set()

    async def news(self) -> None:
        """Return once there are answers."""
        await self._news.wait()
        self._news.clear()

    def raise_failure(self) -> None:
        """Raise what the broker said of a message that it did not take."""
        if self._failure is not None:
            raise self._failure

    def report(self) -> None:
        """Tell how many were confirmed since the last time, if any."""
        if self._confirmed:
            number, self._confirmed = self._confirmed, 0
            self._tell(number)

    def take_lost(self) -> list[Message]:
        lost, self.lost = self.lost, []
        return lost


def _deadline(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds
