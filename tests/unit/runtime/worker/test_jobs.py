"""What becomes of messages that come for runs which an earlier process of the container left."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pika

from runtime.messaging.event import Event
from runtime.oodt.file_manager import FileManager
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.records import journal
from runtime.records.journal import Journals
from runtime.records.ledger import Ledger, Verdict
from runtime.worker.jobs import Jobs
from runtime.worker.reports import Reports

EVENT = Event(name="event")


class Manager:
    """A Workflow Manager that is up."""

    async def wait_until_up(self) -> None:
        pass

    def boot(self) -> str:
        return "boot"


class Collected:
    """Keeps what would be reported, and answers the deliveries."""

    def __init__(self) -> None:
        self.settled_states: list[str] = []
        self.given_names: list[Any] = []

    async def settled(self, _: object, deliveries: list[Any], verdict: Verdict) -> None:
        self.settled_states.append(verdict.state)
        for delivery in deliveries:
            delivery.answered = True

    async def named(self, _: object, delivery: Any) -> None:
        self.given_names.append(delivery)


class Delivered:
    """The job's message, over a connection that is up."""

    queue = EVENT.name
    body = b"{}"
    alive = True
    answered = False
    redelivered = False

    def __init__(self, message_id: str | None = "job") -> None:
        self.properties = pika.BasicProperties(message_id=message_id)


def jobs_of(ledger: Ledger, journals: Journals, reports: Collected) -> Jobs:
    return Jobs(
        (EVENT,),
        node="node",
        ledger=ledger,
        journals=journals,
        manager=cast(WorkflowManager, Manager()),
        file_manager=cast(FileManager, None),
        reports=cast(Reports, reports),
    )


async def adopt_and_take(folder: Path) -> list[str]:
    """Adopt a run that does not count any more, and be given its message before the adoption is through."""
    ledger = Ledger(folder / "ledger", node="node", lease=30)
    ledger.cancel(EVENT.name, "job")
    journals = Journals(folder)
    (folder / "runs").mkdir()
    opening = {"event": EVENT.name, "job": "job", "run": 1, "batch": None, "queued": None, "ledger": ""}
    journal.append(folder / "runs" / "job.jsonl", {"kind": "opened", "at": 0.0, **opening}, create=True)
    journals.follow()
    reports = Collected()
    jobs = jobs_of(ledger, journals, reports)
    await jobs.adopt()
    delivery: Any = Delivered()
    jobs.take(delivery)
    async with asyncio.timeout(10):
        while not delivery.answered:
            await asyncio.sleep(0.01)
    journals.stop()
    return reports.settled_states


def test_a_message_for_a_run_that_does_not_count_is_settled_by_the_ledger(tmp_path: Path) -> None:
    assert asyncio.run(adopt_and_take(tmp_path)) == ["CANCELLED"]


def test_messages_that_nothing_tells_apart_get_an_id_each_before_they_are_run(tmp_path: Path) -> None:
    async def take() -> list[Any]:
        reports = Collected()
        ledger = Ledger(tmp_path / "ledger", node="node", lease=30)
        jobs = jobs_of(ledger, Journals(tmp_path), reports)
        for delivery in sent:
            jobs.take(delivery)
        await jobs.drain(10)
        return reports.given_names

    sent: list[Any] = [Delivered(message_id=None) for _ in range(3)]
    assert asyncio.run(take()) == sent
