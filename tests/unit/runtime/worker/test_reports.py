"""Which deliveries of a job are acknowledged, and which are left to the broker."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from runtime.messaging.broker import Broker
from runtime.messaging.session import Rejected
from runtime.messaging.topology import MOST_RETURNS
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker import reports as reports_module
from runtime.worker.reports import Reports
from runtime.worker.work import Work
from tests.unit.runtime.worker.fakes import FakeBroker, FakeDelivery, received, work

RUN = Run(id="job", number=1, folder=Path(), entry=1, started=0, failures=0, interruptions=0)
FAILED = Outcome(result="failed", reason="no luck")
DEAD = Verdict(outcome=FAILED, attempts=3, node="node", ended=0)


def report(of: Work, consequence: str, ledger: Ledger | None = None) -> list[str]:
    """The keys of what was published."""
    broker = FakeBroker()
    reports = Reports(cast(Broker, broker), node="node", ledger=cast(Ledger, ledger))
    asyncio.run(reports.retrying(of, RUN, FAILED) if consequence == "retrying" else reports.settled(of, DEAD))
    return broker.keys


@pytest.mark.parametrize("consequence", ["retrying", "settled"])
def test_a_message_whose_connection_was_lost_is_neither_moved_nor_acknowledged(consequence: str) -> None:
    in_hand = work(received(alive=False))
    assert report(in_hand, consequence) == []
    assert [each.delivery.answered for each in in_hand.received] == [False]


@pytest.mark.parametrize(("consequence", "queue"), [("retrying", "event.retry."), ("settled", "event.dead")])
def test_a_message_that_was_moved_is_acknowledged_however_often_it_was_delivered(
    consequence: str, queue: str
) -> None:
    in_hand = work(received(), received(redelivered=True))
    keys = report(in_hand, consequence)
    assert keys[0].startswith(queue)
    assert all(each.delivery.answered for each in in_hand.received)


@pytest.mark.parametrize(("alive", "noted"), [(True, True), (False, False)])
def test_a_message_without_an_id_counts_as_answered_only_if_it_can_be_answered(
    tmp_path: Path, alive: bool, noted: bool
) -> None:
    ledger = Ledger(tmp_path, node="node", lease=30)
    lost = received(message_id=None, timestamp=17, alive=False)
    held = received(message_id=None, timestamp=17, alive=alive)
    succeeded = Verdict(outcome=Outcome(result="succeeded"), attempts=1, node="node", ended=0)
    reports = Reports(cast(Broker, FakeBroker()), node="node", ledger=ledger)
    asyncio.run(reports.settled(work(lost, held), succeeded))
    assert ledger.is_answered(*held.job.key) == noted


@pytest.mark.parametrize(
    ("returns", "refusals", "answer"), [(0, 1, "requeue"), (MOST_RETURNS, 1, "ack"), (MOST_RETURNS, 3, "ack")]
)
def test_a_message_that_was_returned_often_is_not_returned_again_because_it_cannot_be_moved(
    monkeypatch: pytest.MonkeyPatch, returns: int, refusals: int, answer: str
) -> None:
    refused: list[str] = []

    def refuse(key: str) -> None:
        if len(refused) < refusals:
            refused.append(key)
            raise Rejected("the queue is full")

    monkeypatch.setattr(reports_module, "PAUSE_SECONDS", 0)
    in_hand = work(received(headers={"x-delivery-count": returns}))
    reports = Reports(cast(Broker, FakeBroker(refuse)), node="node", ledger=cast(Ledger, None))
    asyncio.run(reports.retrying(in_hand, RUN, FAILED))
    assert [cast(FakeDelivery, each.delivery).answer for each in in_hand.received] == [answer]
