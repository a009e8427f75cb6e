"""A connection to the broker that is lost at an awkward moment."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pika
import pytest

from runtime import names
from runtime.messaging.broker import Broker, Message
from runtime.messaging.messages import properties_of
from runtime.messaging.session import Unroutable
from testing.rabbitmq import VirtualHost
from tests.integration.wire import Wire

EVENT = "test-workflow"


def test_a_message_unconfirmed_when_a_young_connection_is_lost_goes_out_on_the_next(
    vhost: VirtualHost,
) -> None:
    wire = Wire(vhost.server.port)

    async def publish() -> None:
        async with Broker(vhost.url_at(f"127.0.0.1:{wire.port}"), name="test") as broker:
            await broker.wait_connected(20)
            wire.cut()
            sending = asyncio.create_task(
                broker.publish(names.EXCHANGE, EVENT, b"{}", properties_of("job-1"), seconds=20)
            )
            await asyncio.sleep(0)  # it waits for its confirm now
            wire.sever()
            wire.mend()
            await sending

    try:
        asyncio.run(asyncio.wait_for(publish(), 30))
    finally:
        wire.close()
    assert vhost.take(EVENT) is not None


def test_of_many_messages_none_is_lost_with_the_connection(vhost: VirtualHost) -> None:
    wire, jobs = Wire(vhost.server.port), 2000
    confirmed: list[int] = []

    def messages() -> Iterator[Message]:
        for number in range(jobs):
            if number == jobs // 2:
                wire.cut()
                asyncio.get_running_loop().call_later(0.2, wire.sever)
                asyncio.get_running_loop().call_later(0.3, wire.mend)
            yield b"{}", properties_of(f"job-{number}")

    async def publish() -> None:
        async with Broker(vhost.url_at(f"127.0.0.1:{wire.port}"), name="test") as broker:
            await broker.publish_each(
                names.EXCHANGE, EVENT, messages(), at_once=300, seconds=20, confirmed=confirmed.append
            )

    try:
        asyncio.run(asyncio.wait_for(publish(), 60))
    finally:
        wire.close()
    assert sum(confirmed) == jobs
    assert ids(vhost) == {f"job-{number}" for number in range(jobs)}


def ids(vhost: VirtualHost) -> set[str]:
    """The ids of all messages in the queue."""
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        gets = iter(partial(connection.channel().basic_get, EVENT), (None, None, None))
        return {properties.message_id for _, properties, _ in gets}


def test_of_many_messages_the_first_that_no_queue_takes_ends_it(vhost: VirtualHost) -> None:
    async def publish() -> None:
        async with Broker(vhost.url, name="test") as broker:
            many = ((b"{}", properties_of(f"job-{number}")) for number in range(2000))
            await broker.publish_each(
                names.EXCHANGE, "no-queue", many, at_once=300, seconds=20, confirmed=lambda _: None
            )

    with pytest.raises(Unroutable):
        asyncio.run(asyncio.wait_for(publish(), 30))
