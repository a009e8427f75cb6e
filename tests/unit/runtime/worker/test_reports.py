"""Which deliveries of a job are acknowledged, and which are left to the broker."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from runtime.messaging.broker import Broker
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker.reports import Reports
from runtime.worker.work import Work
from tests.unit.runtime.worker.hands import FakeBroker, received, work

RUN = Run(id="job", number=1, folder=Path(), entry=1, started=0, failures=0, interruptions=0)
FAILED = Outcome(result="failed", reason="no luck")
DEAD = Verdict(outcome=FAILED, attempts=3, node="node", ended=0)


def report(of: Work, consequence: str) -> list[str]:
    """The keys of what was published while the job's message is delivered once more."""
    broker = FakeBroker(meanwhile=lambda _: of.received.append(received()))
    reports = Reports(cast(Broker, broker), node="node", ledger=cast(Ledger, None))
    asyncio.run(reports.retrying(of, RUN, FAILED) if consequence == "retrying" else reports.settled(of, DEAD))
    return broker.keys


@pytest.mark.parametrize("consequence", ["retrying", "settled"])
def test_a_message_that_came_back_while_its_connection_was_lost_is_not_acknowledged(consequence: str) -> None:
    lost = received(alive=False)
    in_hand = work(lost)
    report(in_hand, consequence)
    assert [each.delivery.answered for each in in_hand.received] == [False]


@pytest.mark.parametrize(("consequence", "queue"), [("retrying", "event.retry."), ("settled", "event.dead")])
def test_a_message_that_was_moved_is_acknowledged_however_often_it_was_delivered(
    consequence: str, queue: str
) -> None:
    in_hand = work(received())
    keys = report(in_hand, consequence)
    assert keys[0].startswith(queue)
    assert len(in_hand.received) > 1
    assert all(each.delivery.answered for each in in_hand.received)
