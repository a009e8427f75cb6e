"""A broker that has none of the project's definitions, as in a user's own installation."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pika
import pytest

from runtime.messaging.messages import returns_of
from runtime.messaging.topology import MOST_RETURNS
from testing import images
from testing.commands import WAIT, command, submit
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker

EVENT = "test-workflow"
ONE_JOB = ("--jobs", "1", *WAIT)
DOCKERFILE = Path(__file__).parent / "other_rabbitmq" / "Dockerfile"
# The release of Debian that has it: 3.10 for version 3.
OTHER_BROKERS = {"3": "bookworm", "4.3": "forky"}
# What owners declare the event's queue with. The original's producers give no arguments: then the broker says
# which type it is.
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
OTHERS: dict[str, dict[str, Any]] = {
    "own arguments": {"x-queue-type": "classic", "x-max-priority": 5},
    "classic": {"x-queue-type": "classic"},
    "none": {},
}


@pytest.fixture(
    scope="module",
    params=["4", *(pytest.param(version, marks=pytest.mark.slow) for version in OTHER_BROKERS)],
)
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """RabbitMQ 4.0, and in the slow tests an older and a newer one."""
    if request.param == "4":
        yield request.getfixturevalue("rabbitmq")
        return
    suite = OTHER_BROKERS[request.param]
    image = f"oodt-test-other-rabbitmq-{suite}"
    images.build_file(image, str(DOCKERFILE), BASE=images.debian(suite))
    server = RabbitMQ(image=image)
    try:
        server.start(tmp_path_factory.mktemp("rabbitmq"))
        yield server
    finally:
        server.remove()


@pytest.fixture(
    params=[
        pytest.param(QUORUM, id="quorum"),
        *(pytest.param(queue, id=name, marks=pytest.mark.slow) for name, queue in OTHERS.items()),
    ]
)
def queue(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def vhost(
    broker: RabbitMQ, queue: dict[str, Any], record_property: Callable[[str, object], None]
) -> Iterator[VirtualHost]:
    record_property("rabbitmq", broker.version())
    host = VirtualHost.bare(broker)
    with pika.BlockingConnection(pika.URLParameters(host.url)) as connection:
        connection.channel().queue_declare(EVENT, durable=True, arguments=queue)
    yield host
    host.remove()


def send(vhost: VirtualHost, body: bytes, **properties: Any) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        connection.channel().basic_publish("", EVENT, body, pika.BasicProperties(**properties))


def test_a_failed_job_waits_there_and_comes_back(
    worker: Worker, site: Site, vhost: VirtualHost, tmp_path: Path
) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    metadata = ("--metadata", "Fail=task2", "--metadata", f"Attempts={tmp_path / 'attempts'}")
    [job] = submit(vhost.url, *metadata, *ONE_JOB).result["jobs"]
    assert (job["state"], job["attempts"]) == ("SUCCEEDED", 2)
    assert len(site.products()) == len(site.archived()) == 2


def test_what_is_no_job_is_dead_lettered_there(worker: Worker, vhost: VirtualHost) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    send(vhost, b"not json")
    properties, _ = until(lambda: vhost.take("test-workflow.dead"), what="dead-lettered message")
    assert properties.headers["oodt-reason"].startswith("the message is not JSON")


def test_no_job_is_lost_there_when_connections_break_and_the_consumer_dies(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    for number in range(12):
        send(vhost, json.dumps({"Run": str(number), "Seconds": "1"}).encode(), message_id=f"job-{number}")
    until(lambda: len(site.products()) > 2, seconds=60, what="products")
    vhost.cut_connections()
    until(lambda: len(site.products()) > 8, seconds=60, what="products")
    worker.kill("consumer")
    worker.start("consumer")
    until(lambda: len(site.products()) == 24, seconds=60, what="products")
    worker.terminate("consumer")
    worker.wait_stopped("consumer")
    assert vhost.take(EVENT) is None
    assert len(site.products()) == len(site.archived()) == 24


def test_a_message_that_came_back_often_is_run_before_its_queue_may_drop_it(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    send(vhost, b'{"Run": "1"}', message_id="job")
    counted = returned(vhost, times=MOST_RETURNS + 2)
    worker = make_worker()
    worker.start()
    until(lambda: len(site.products()) == 2, seconds=60, what="products")
    anew = "its message was returned too often" in worker.log("consumer").read_text()
    assert anew == (counted >= MOST_RETURNS)
    worker.terminate("consumer")
    worker.wait_stopped("consumer")
    assert vhost.take(EVENT) is None


def returned(vhost: VirtualHost, *, times: int) -> int:
    """Return the message to its queue so many times; how many of them the queue has counted."""
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        for _ in range(times):
            method, properties, _body = until(partial(taken, channel), what="message")
            channel.basic_nack(method.delivery_tag, requeue=True)
    return returns_of(properties) + 1 if "x-delivery-count" in (properties.headers or {}) else 0


def taken(channel: Any) -> tuple[Any, pika.BasicProperties, bytes] | None:
    method, properties, body = channel.basic_get(EVENT)
    return (method, properties, body) if method else None


def test_a_queue_that_drops_messages_after_a_few_returns_is_refused_with_what_mends_it(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost, queue: dict[str, Any]
) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        channel.queue_delete(EVENT)
        limited = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-dead-letter-exchange": "own"}
        channel.queue_declare(EVENT, durable=True, arguments=limited)
        send(vhost, b'{"Run": "1"}', message_id="job")
        worker = make_worker()
        worker.start()
        worker.wait_for_log("consumer", f"rabbitmqctl delete_queue --if-empty {EVENT}")
        assert vhost.take(EVENT) is not None
        channel.queue_delete(EVENT)
        channel.queue_declare(EVENT, durable=True, arguments=queue)
        send(vhost, b'{"Run": "1"}', message_id="job")
    until(lambda: len(site.products()) == 2, seconds=60, what="products")


def test_dead_jobs_can_be_redriven_there(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost, tmp_path: Path
) -> None:
    make_worker(settings={"MAX_ATTEMPTS": "1"}).start()
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    metadata = ("--metadata", "Fail=task2", "--metadata", f"Attempts={tmp_path / 'attempts'}")
    [job] = submit(vhost.url, *metadata, *ONE_JOB).result["jobs"]
    assert job["state"] == "DEAD"
    environment = {"RABBITMQ_USER_URL": vhost.url}
    done = command("redrive", environment, "--event", EVENT, "--all", "--json")
    assert done.result["redriven"] == 1
    until(lambda: len(site.products()) == 2, seconds=60, what="products")


def test_messages_without_an_id_are_run_there(worker: Worker, site: Site, vhost: VirtualHost) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    for number in range(4):
        send(vhost, json.dumps({"Run": str(number // 2)}).encode())
    until(lambda: len(site.products()) == 8, seconds=60, what="products")
