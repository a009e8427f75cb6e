"""Messages that have no id, as the original's producers send them: each is a job, whatever dies meanwhile."""

from collections.abc import Callable
from functools import partial

import pika

from runtime.records import entries
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker

EVENT = "test-workflow"
BODY = b'{"Dataset": "abc", "Run": "1"}'
JOBS = 60
SECONDS = 120


def send(vhost: VirtualHost, body: bytes, jobs: int) -> None:
    """Send them in one burst, without confirms, so that many get the same time from the broker."""
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        for _ in range(jobs):
            channel.basic_publish("oodt-exchange", EVENT, body)


def succeeded(site: Site) -> int:
    histories = [entries.read_all(folder) for folder in (site.folder / "ledger" / EVENT).glob("*")]
    return sum(bool(history) and history[-1].get("state") == "SUCCEEDED" for history in histories)


def reached(site: Site, jobs: int) -> bool:
    return succeeded(site) >= jobs


def test_each_of_many_equal_messages_is_a_job(worker: Worker, site: Site, vhost: VirtualHost) -> None:
    send(vhost, BODY, JOBS)
    until(partial(reached, site, JOBS), seconds=SECONDS, what="verdicts")
    until(lambda: vhost.messages(EVENT) == 0, what="empty queue")
    assert succeeded(site) == JOBS
    assert len(site.products()) == len(site.archived()) == 2 * JOBS


def test_none_of_many_equal_messages_is_lost_when_connections_break_and_consumers_die(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    workers = [make_worker(name=f"node{number}") for number in (1, 2)]
    for worker in workers:
        worker.start()
    send(vhost, BODY, JOBS)
    for number, worker in enumerate(workers, 1):
        until(partial(reached, site, number * JOBS // 4), seconds=SECONDS, what="verdicts")
        vhost.cut_connections()
        worker.kill("consumer")
        worker.start("consumer")
    until(partial(reached, site, JOBS), seconds=SECONDS, what="verdicts")
    queues = (EVENT, f"{EVENT}.retry.5", f"{EVENT}.retry.8")
    until(lambda: not any(map(vhost.messages, queues)), seconds=SECONDS, what="empty queues")
