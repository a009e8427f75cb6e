"""What a waiting command tells the operator while the broker or the status service is down."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from testing.commands import FOLLOW, Done, command, finish, start, submit
from testing.rabbitmq import ADMIN, PASSWORD, RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status
from toolchain.paths import REPOSITORY

EVENT = ("--event", "test-workflow")
# It says when it has looked: a broker that is away at the first look is an error.
SCRIPT = """
import sys
from runtime import rabbitmq_producer

def looked(*about, look=rabbitmq_producer._queues):
    found = look(*about)
    print("it has looked", file=sys.stderr, flush=True)
    return found

rabbitmq_producer._queues = looked
rabbitmq_producer.wait_for_queues(delay_secs=0, sleep_secs=1)
"""


@dataclass(kw_only=True)
class Watcher:
    """A command that waits, and what it has said so far."""

    process: subprocess.Popen[str]
    words: Path

    def says(self, text: str) -> None:
        until(lambda: text in self.words.read_text(), seconds=60, what=f"{text!r} from {self.process.args!r}")

    def finish(self) -> Done:
        return finish(self.process)


@pytest.fixture
def watch(status: Status, tmp_path: Path) -> Callable[..., Watcher]:
    def watch(name: str, *arguments: str) -> Watcher:
        words = tmp_path / f"words-{len(list(tmp_path.glob('words-*')))}"
        with open(words, "w") as stderr:
            return Watcher(process=start(name, status.commands, *arguments, stderr=stderr), words=words)

    return watch


@pytest.fixture
def watch_queues(vhost: VirtualHost, tmp_path: Path) -> Callable[[], Watcher]:
    """A script that waits for all queues, as the original's do."""
    environment = {
        "RABBITMQ_USER_URL": vhost.url,
        "RABBITMQ_ADMIN_URL": f"http://{ADMIN}:{PASSWORD}@127.0.0.1:{vhost.server.management_port}",
    }

    def watch() -> Watcher:
        words = tmp_path / "words-script"
        with open(words, "w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT],
                cwd=REPOSITORY,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        return Watcher(process=process, words=words)

    return watch


def test_commands_that_wait_tell_when_the_broker_goes_and_comes_back_and_go_on(
    make_worker: Callable[..., Worker],
    watch: Callable[..., Watcher],
    watch_queues: Callable[[], Watcher],
    status: Status,
    rabbitmq: RabbitMQ,
) -> None:
    waiting = watch("submit", *EVENT, "--jobs", "2", "--batch-id", "two", "--wait")
    until(lambda: [each["submitted"] for each in status.get("batches")["batches"]] == [2], what="batch")
    until(lambda: 2 in [each["queued"] for each in status.get("overview")["queues"]], what="queue")
    script = watch_queues()
    overview, batch = watch("status", *FOLLOW), watch("status", "--batch", "two", *FOLLOW)
    overview.says("2 queued")
    batch.says("0 of 2 ended")
    script.says("it has looked")
    watchers = [waiting, overview, batch, script]
    rabbitmq.stop()
    for watcher in watchers:
        watcher.says("the broker cannot be reached since")
    rabbitmq.start_again()
    rabbitmq.wait()
    for watcher in watchers:
        watcher.says("the broker is back after")
        assert watcher.process.poll() is None
    make_worker().start()
    assert [watcher.finish().code for watcher in watchers] == [0, 0, 0, 0]


def test_to_follow_is_to_wait_for_a_status_service_that_goes_and_comes_back(
    make_worker: Callable[..., Worker],
    watch: Callable[..., Watcher],
    site: Site,
    status: Status,
) -> None:
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "two").code == 0
    until(lambda: command("status", status.commands, "--batch", "two").code == 0, what="batch")
    watcher = watch("status", "--batch", "two", *FOLLOW)
    watcher.says("0 of 2 ended")
    status.stop()
    watcher.says("the status service cannot be reached since")
    status.start()
    watcher.says("the status service is back after")
    make_worker().start()
    done = watcher.finish()
    assert (done.code, "done" in done.stdout) == (0, True)
