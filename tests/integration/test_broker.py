"""Connections lost at awkward moments, and a broker without room; in slow tests a newer broker too."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pika
import pytest

from runtime import names
from runtime.messaging.broker import Broker, Message
from runtime.messaging.event import Event
from runtime.messaging.messages import properties_of
from runtime.messaging.session import Unroutable
from testing import images
from testing.commands import command, finish, start_submit
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site
from tests.integration.status import Status
from tests.integration.wire import Wire

EVENT = "test-workflow"
NEW = "forky"  # the release of Debian that has RabbitMQ 4.3


@pytest.fixture(scope="module", params=["4", pytest.param(NEW, id="4.3", marks=pytest.mark.slow)])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """The project's image, and in the slow tests the same with a newer RabbitMQ."""
    if request.param == "4":
        yield request.getfixturevalue("rabbitmq")
        return
    server = RabbitMQ(image=images.build("rabbitmq", of=images.debian(request.param)))
    try:
        server.start(tmp_path_factory.mktemp("rabbitmq"))
        yield server
    finally:
        server.remove()


@pytest.fixture
def vhost(broker: RabbitMQ, record_property: Callable[[str, object], None]) -> Iterator[VirtualHost]:
    record_property("rabbitmq", broker.version())
    host = VirtualHost.make(broker, [Event(name=EVENT)])
    yield host
    host.remove()


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


def test_a_broker_that_is_short_of_disk_is_told_by_all_who_wait_for_it(
    site: Site, status: Status, vhost: VirtualHost
) -> None:
    vhost.server.control("set_disk_free_limit", "900000GB")
    try:
        running = start_submit(site.broker_url, "--event", EVENT, "--jobs", "2", "--batch-id", "late")
        until(lambda: status.get("overview")["broker"]["blocked"], what="a connection that waits")
        until(lambda: status.get("overview")["broker"]["short"] == ["disk"], what="a broker without room")
        assert 'oodt_broker_short{resource="disk"} 1.0' in status.request("GET", "/metrics")[1]
        shown = command("status", status.commands)
        assert "broker: short of disk, so it takes no message" in shown.stdout, shown.stderr
    finally:
        vhost.server.control("set_disk_free_limit", "1MB")
    done = finish(running)
    assert done.code == 0, done.stderr
    assert "the broker lets nobody publish (low on disk) since " in done.stderr
    assert "2 of 2 submitted" in done.stderr
    until(lambda: status.get("overview")["broker"]["short"] == [], what="a broker with room")
