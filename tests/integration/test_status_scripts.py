"""Scripts written for the original: its producer module, and its consumer's command line."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pika
import pytest

from runtime.environment import SettingError
from runtime.rabbitmq_producer import wait_for_queue
from testing.commands import command, finish, start
from testing.ports import free_port
from testing.rabbitmq import ADMIN, PASSWORD, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.overlap import most_jobs_at_once, verdicts
from tests.integration.wire import Wire
from toolchain.paths import REPOSITORY

# As the original's test_workflow_driver.py does.
DRIVER = """
from rabbitmq_producer import publish_messages, wait_for_queues
for run in range(1, 4):
    publish_messages("test-workflow", 1, {"Dataset": "abc", "Project": "123", "Run": run, "Seconds": 1})
wait_for_queues(delay_secs=1, sleep_secs=1)
"""
DRIVER_SECONDS = 120
# Enough that some are still being sent when the first are seen.
MANY = 5000
# The other names that its scripts use.
OTHERS = """
import os
from rabbitmq_producer import RabbitmqProducer, publish_messages, wait_for_queue
url = os.environ["RABBITMQ_USER_URL"] + "?connection_attempts=3&heartbeat_interval=3600"
RabbitmqProducer(url, "test-workflow", 2, {"Dataset": "abc", "Project": "123", "Run": 1}).run()
publish_messages(msg_queue="other-workflow", num_msgs=1, msg_dict={"Run": 2})
wait_for_queue("test-workflow", delay_secs=0)
"""
COMPAT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/runtime/compat"}


@pytest.fixture
def addresses(vhost: VirtualHost) -> dict[str, str]:
    management = f"127.0.0.1:{vhost.server.management_port}"
    return {
        "RABBITMQ_USER_URL": vhost.url,
        "RABBITMQ_ADMIN_URL": f"http://{ADMIN}:{PASSWORD}@{management}",
    }


def test_the_originals_driver_returns_when_its_jobs_are_done(
    make_worker: Callable[..., Worker], site: Site, addresses: dict[str, str]
) -> None:
    make_worker(settings={"MAX_WORKFLOWS": "1"}).start()
    subprocess.run(
        [sys.executable, "-c", DRIVER],
        env={**COMPAT, **addresses},
        check=True,
        timeout=DRIVER_SECONDS,
    )
    assert len(site.archived()) == 6
    assert [verdict.state for verdict in verdicts(site)] == ["SUCCEEDED"] * 3
    assert most_jobs_at_once(site) == 1


def test_a_batch_of_equal_messages_is_as_many_jobs(
    worker: Worker, site: Site, addresses: dict[str, str], vhost: VirtualHost
) -> None:
    done = command("rabbitmq_producer", addresses, "other-workflow", "3", "Run=7", "Dataset=a=b")
    assert done.code == 0, done.stderr
    messages = [vhost.take("other-workflow") for _ in range(3)]
    assert all(message and message[1] == b'{"Run":"7","Dataset":"a=b"}' for message in messages)
    assert len({message[0].message_id for message in messages if message}) == 3
    assert command("rabbitmq_producer", addresses, "other-workflow").code == 2


def test_one_queue_is_waited_for_and_no_other(
    worker: Worker, site: Site, addresses: dict[str, str], vhost: VirtualHost
) -> None:
    subprocess.run(
        [sys.executable, "-c", OTHERS], env={**COMPAT, **addresses}, check=True, timeout=DRIVER_SECONDS
    )
    assert len(site.archived()) == 4
    assert vhost.take("other-workflow")


@pytest.mark.parametrize(
    "way", [("-m", "rabbitmq_producer"), (f"{REPOSITORY}/runtime/compat/rabbitmq_producer.py",)]
)
def test_the_originals_command_line_submits(
    addresses: dict[str, str], vhost: VirtualHost, way: tuple[str, ...]
) -> None:
    line = [sys.executable, *way, "test-workflow", "2", "Run=1"]
    subprocess.run(line, env={**COMPAT, **addresses}, check=True, timeout=DRIVER_SECONDS)
    messages = [vhost.take("test-workflow") for _ in range(3)]
    assert [message and message[1] for message in messages] == [b'{"Run":"1"}', b'{"Run":"1"}', None]


def test_a_producer_waits_for_a_broker_that_comes_back(
    addresses: dict[str, str], vhost: VirtualHost, tmp_path: Path
) -> None:
    words, port = tmp_path / "words", free_port()
    away = addresses | {"RABBITMQ_USER_URL": vhost.url_at(f"127.0.0.1:{port}")}
    with open(words, "w") as stderr:
        script = start("rabbitmq_producer", away, "test-workflow", "2", "Run=1", stderr=stderr)
    until(lambda: "the broker cannot be reached since" in words.read_text(), what="word of the outage")
    wire = Wire(vhost.server.port, port)
    try:
        assert finish(script).code == 0
    finally:
        wire.close()
    assert "the broker is back after" in words.read_text()
    assert vhost.take("test-workflow") and vhost.take("test-workflow")


def test_a_connection_that_is_cut_costs_no_job_and_doubles_none(
    addresses: dict[str, str], vhost: VirtualHost
) -> None:
    wire = Wire(vhost.server.port)
    through = addresses | {"RABBITMQ_USER_URL": vhost.url_at(f"127.0.0.1:{wire.port}")}
    script = start("rabbitmq_producer", through, "test-workflow", str(MANY), "Run=1")
    until(lambda: vhost.messages("test-workflow") > 0, what="first messages")
    wire.sever()
    try:
        done = finish(script)
    finally:
        wire.close()
    assert done.code == 0
    assert "the broker is back after" in done.stderr
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        taken = iter(lambda: channel.basic_get("test-workflow", auto_ack=True)[1], None)
        assert len({properties.message_id for properties in taken}) == MANY


def test_a_wrong_password_is_not_waited_for(addresses: dict[str, str]) -> None:
    wrong = addresses["RABBITMQ_USER_URL"].replace(PASSWORD, "wrong")
    done = command("rabbitmq_producer", {"RABBITMQ_USER_URL": wrong}, "test-workflow", "1")
    assert done.code == 3
    assert done.stderr.startswith("the broker refuses:")
    assert "cannot be reached" not in done.stderr


def test_a_queue_that_is_not_there_is_not_waited_for(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in addresses.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match="the broker has no queue nothing"):
        wait_for_queue("nothing")
    monkeypatch.setenv("RABBITMQ_ADMIN_URL", addresses["RABBITMQ_ADMIN_URL"].replace(PASSWORD, "wrong"))
    with pytest.raises(SettingError, match=r"HTTP status 401 .*: correct RABBITMQ_ADMIN_URL"):
        wait_for_queue("test-workflow")


def test_pull_takes_the_named_queue_whatever_the_environment_says(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    environment = {"WORKFLOW_QUEUE": "other-workflow", "EVENTS": '[{"event": "unknown-event"}]'}
    worker = make_worker(settings=environment, consumer_arguments=("pull", "test-workflow", "2"))
    worker.start()
    worker.wait_for_log("consumer", "taking jobs of test-workflow, 2 at once")
    vhost.publish("test-workflow", b'{"Run": 1}')
    until(lambda: len(site.archived()) == 2, what="archive")
