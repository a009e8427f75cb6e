"""A broker that has none of the project's definitions, as in a user's own installation."""

from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from testing.commands import submit
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker

WAIT = ("--jobs", "1", "--wait", "--json", "--timeout", "60")


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[VirtualHost]:
    host = VirtualHost.bare(rabbitmq)
    # A queue with the owner's own arguments.
    with pika.BlockingConnection(pika.URLParameters(host.url)) as connection:
        liked = {"x-queue-type": "classic", "x-max-priority": 5}
        connection.channel().queue_declare("test-workflow", durable=True, arguments=liked)
    yield host
    host.remove()


def test_a_failed_job_waits_there_and_comes_back(
    worker: Worker, site: Site, vhost: VirtualHost, tmp_path: Path
) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    metadata = ("--metadata", "Fail=task2", "--metadata", f"Attempts={tmp_path / 'attempts'}")
    [job] = submit(vhost.url, *metadata, *WAIT).result["jobs"]
    assert (job["state"], job["attempts"]) == ("SUCCEEDED", 2)
    assert len(site.products()) == len(site.archived()) == 2


def test_what_is_no_job_is_dead_lettered_there(worker: Worker, vhost: VirtualHost) -> None:
    until(lambda: vhost.has("test-workflow.dead"), what="the consumer's queues")
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        connection.channel().basic_publish("", "test-workflow", b"not json")
    properties, _ = until(lambda: vhost.take("test-workflow.dead"), what="dead-lettered message")
    assert properties.headers["oodt-reason"].startswith("the message is not JSON")
