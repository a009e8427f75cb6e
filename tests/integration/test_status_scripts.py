"""Scripts written for the original: its producer module, and its consumer's command line."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.integration.cell import ROOT, Cell, Site
from tests.integration.commands import command
from tests.integration.rabbitmq import ADMIN, PASSWORD, VirtualHost
from tests.integration.waiting import until

# As the original's test_workflow_driver.py does.
DRIVER = """
from rabbitmq_producer import publish_messages, wait_for_queues
for run in range(1, 4):
    publish_messages("test-workflow", 1, {"Dataset": "abc", "Project": "123", "Run": run, "Seconds": 1})
wait_for_queues(delay_secs=1, sleep_secs=1)
"""
DRIVER_SECONDS = 120


@pytest.fixture
def addresses(vhost: VirtualHost) -> dict[str, str]:
    management = f"127.0.0.1:{vhost.server.management_port}"
    return {
        "RABBITMQ_USER_URL": vhost.url,
        "RABBITMQ_ADMIN_URL": f"http://{ADMIN}:{PASSWORD}@{management}",
    }


def test_the_originals_driver_returns_when_its_jobs_are_done(
    make_cell: Callable[..., Cell], site: Site, addresses: dict[str, str]
) -> None:
    make_cell(settings={"MAX_WORKFLOWS": "1"}).start()
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", DRIVER],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT}/runtime/compat", **addresses},
        check=True,
        timeout=DRIVER_SECONDS,
    )
    assert len(site.archived()) == 6
    assert time.monotonic() - began >= 3 * 2 * 1


def test_a_batch_of_equal_messages_is_as_many_jobs(
    cell: Cell, site: Site, addresses: dict[str, str], vhost: VirtualHost
) -> None:
    done = command("rabbitmq_producer", addresses, "other-workflow", "3", "Run=7", "Dataset=a=b")
    assert done.code == 0, done.stderr
    messages = [vhost.take("other-workflow") for _ in range(3)]
    assert all(message and message[1] == b'{"Run":"7","Dataset":"a=b"}' for message in messages)
    assert len({message[0].message_id for message in messages if message}) == 3
    assert command("rabbitmq_producer", addresses, "other-workflow").code == 2


def test_pull_takes_the_named_queue_whatever_the_environment_says(
    make_cell: Callable[..., Cell], site: Site, vhost: VirtualHost
) -> None:
    environment = {"WORKFLOW_QUEUE": "other-workflow", "EVENTS": '[{"event": "unknown-event"}]'}
    cell = make_cell(settings=environment, consumer_arguments=("pull", "test-workflow", "2"))
    cell.start()
    cell.wait_for_log("consumer", "taking jobs of test-workflow, 2 at once")
    vhost.publish("test-workflow", b'{"Run": 1}')
    until(lambda: len(site.archived()) == 2, what="archive")
