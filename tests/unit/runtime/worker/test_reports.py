"""Which deliveries of a job are acknowledged, and which are left to the broker."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pika
import pytest

from runtime.messaging.broker import Broker
from runtime.messaging.messages import Job
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker.reports import Reports
from runtime.worker.run import Outcome

JOB = Job(id="job", event="event", metadata={}, batch=None, queued_at=None)
RUN = Run(id="job", number=1, folder=Path(), entry=1, started=0, failures=0, interruptions=0)
FAILED = Outcome(result="failed", reason="no luck")
DEAD = Verdict(state="DEAD", attempts=3, node="node", reason="no luck", ended=0)


class Delivered:
    """A message in this process's hands, over a connection that is up or has been lost."""

    queue = "event"
    body = b"{}"

    def __init__(self, *, alive: bool) -> None:
        self.alive = alive
        self.acknowledged = False
        self.properties = pika.BasicProperties(message_id="job")

    def ack(self) -> None:
        self.acknowledged = True


class Redelivering:
    """A broker that delivers the job's message again while something is published."""

    def __init__(self, deliveries: list[Any]) -> None:
        self._deliveries = deliveries
        self.queues: list[str] = []

    async def publish(self, exchange: str, key: str, *_: object, **__: object) -> None:
        self.queues.append(key)
        self._deliveries.append(Delivered(alive=True))
        await asyncio.sleep(0)


def report(deliveries: list[Any], consequence: str) -> list[str]:
    """The keys of what was published."""
    broker = Redelivering(deliveries)
    reports = Reports(cast(Broker, broker), node="node", ledger=cast(Ledger, None))
    if consequence == "retrying":
        asyncio.run(reports.retrying(JOB, RUN, deliveries, FAILED))
    else:
        asyncio.run(reports.settled(JOB, deliveries, DEAD))
    return broker.queues


@pytest.mark.parametrize("consequence", ["retrying", "settled"])
def test_a_message_that_came_back_while_its_connection_was_lost_is_not_acknowledged(consequence: str) -> None:
    deliveries: list[Any] = [Delivered(alive=False)]
    report(deliveries, consequence)
    assert not any(each.acknowledged for each in deliveries)


@pytest.mark.parametrize(("consequence", "queue"), [("retrying", "event.retry."), ("settled", "event.dead")])
def test_a_message_that_was_moved_is_acknowledged_however_often_it_was_delivered(
    consequence: str, queue: str
) -> None:
    deliveries: list[Any] = [Delivered(alive=True)]
    keys = report(deliveries, consequence)
    assert keys[0].startswith(queue)
    assert len(deliveries) > 1
    assert all(each.acknowledged for each in deliveries)
