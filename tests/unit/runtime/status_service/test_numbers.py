"""Totals are the sums of the rows, whatever the broker's management has counted last."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from runtime.messaging.announcements import Announcement, Redrive, StateChange, Submission
from runtime.messaging.broker import Broker, BrokerDown
from runtime.status_service import numbers, progress
from runtime.status_service.management import EventQueues, Management, Node, Snapshot
from runtime.status_service.numbers import Now, Numbers
from runtime.status_service.store import Store

STALE = EventQueues(event="e", queued=0, taken=0, retrying=0, dead=0, counted=True)
NODES = (Node(node="n1", consumers=1, slots=4, busy=0), Node(node="n2", consumers=1, slots=4, busy=0))


class StaleManagement:
    def __init__(self, taken: int = 0, nodes: tuple[Node, ...] = NODES) -> None:
        self._snapshot = Snapshot(queues=(replace(STALE, taken=taken),), nodes=nodes)

    async def snapshot(self) -> Snapshot:
        return self._snapshot


class BrokerWithQueues:
    def __init__(self, **depths: int) -> None:
        self._depths = depths

    async def depth(self, queue: str) -> int | None:
        if not self._depths:
            raise BrokerDown("no connection")
        return self._depths.get(queue.replace(".", "_").replace("-", "_"))


def now(
    folder: Path,
    history: Sequence[Announcement],
    *,
    management: StaleManagement | None = None,
    dead_messages: Callable[[str], int | None] = lambda _event: None,
    not_recorded: int = 0,
    **depths: int,
) -> Now:
    store = Store(folder / "history.sqlite", keep=1000)
    store.apply(history)
    read = Numbers(
        store,
        cast(Broker, BrokerWithQueues(**depths)),
        cast(Management, management or StaleManagement()),
        dead_messages=dead_messages,
        not_recorded=lambda: not_recorded,
    )
    found = asyncio.run(read.now())
    store.close()
    return found


def queues(found: Now) -> EventQueues:
    assert found.snapshot is not None
    return found.snapshot.queues[0]


def running(number: int, node: str = "n1") -> StateChange:
    return StateChange(
        job=f"b.{number}", event="e", batch="b", state="RUNNING", run=1, attempts=1, node=node, started=1.0
    )


SUBMITTED = Submission(batch="b", event="e", jobs=40, submitted=40)
EIGHT = [running(number, node) for number, node in zip(range(8), itertools.cycle(["n1", "n2"]), strict=False)]


def test_a_batch_that_was_just_submitted_is_queued_in_rows_and_totals(tmp_path: Path) -> None:
    found = now(tmp_path, [SUBMITTED], e=40)
    assert (queues(found).queued, found.batches[0]["waiting"]) == (40, 40)


def test_jobs_that_were_taken_but_not_begun_are_queued_everywhere(tmp_path: Path) -> None:
    found = now(tmp_path, [SUBMITTED, *EIGHT[:3]], e=32)
    batch = found.batches[0]
    assert (queues(found).queued, queues(found).taken) == (batch["waiting"], 3) == (37, 3)


def test_busy_slots_are_the_jobs_that_run_by_node(tmp_path: Path) -> None:
    found = now(tmp_path, [SUBMITTED, *EIGHT], e=32)
    assert found.snapshot is not None
    assert [(node.busy, node.free) for node in found.snapshot.nodes] == [(4, 0), (4, 0)]
    assert queues(found).taken == found.states["e"]["RUNNING"] == 8


def test_jobs_of_a_node_that_is_gone_are_running_and_not_queued_too(tmp_path: Path) -> None:
    """Their messages are back in the queue, and nobody has told yet that they do not run."""
    left = StaleManagement(taken=4, nodes=NODES[:1])
    found = now(tmp_path, [SUBMITTED, *EIGHT], management=left, e=36)
    assert (queues(found).queued, queues(found).taken) == (32, 8)
    assert found.snapshot is not None
    busy = [(node.node, node.consumers, node.busy, node.free) for node in found.snapshot.nodes]
    assert busy == [("n1", 1, 4, 0), ("n2", 0, 4, 0)]


def test_jobs_without_a_batch_are_queued_also_while_a_paused_event_has_no_consumer(tmp_path: Path) -> None:
    paused = StaleManagement(taken=8, nodes=())
    assert queues(now(tmp_path, [SUBMITTED, *EIGHT], management=paused, e=45)).queued == 45


def test_dead_jobs_are_counted_while_somebody_looks_through_them(tmp_path: Path) -> None:
    assert queues(now(tmp_path, [], dead_messages={"e": 7}.get, e=0, e_dead=0)).dead == 7


def test_messages_that_nobody_has_announced_are_counted_too(tmp_path: Path) -> None:
    assert queues(now(tmp_path, [SUBMITTED], e=45, e_dead=2)) == EventQueues(
        event="e", queued=45, taken=0, retrying=0, dead=2, counted=True
    )


def test_a_job_that_waited_for_another_run_is_not_counted_twice(tmp_path: Path) -> None:
    retrying = StateChange(
        job="b.1",
        event="e",
        batch="b",
        state="RETRYING",
        run=1,
        attempts=1,
        node="n1",
        started=1.0,
        ended=2.0,
    )
    one = Submission(batch="b", event="e", jobs=1, submitted=1)
    found = queues(now(tmp_path, [one, retrying], e=1))
    assert (found.queued, found.retrying) == (0, 1)


def test_a_redriven_job_is_queued(tmp_path: Path) -> None:
    found = now(tmp_path, [Redrive(job="j", event="e", redrive="r")], e=1)
    assert (queues(found).queued, found.states["e"]) == (1, {"QUEUED": 1})


@pytest.mark.parametrize(("seconds", "queued"), [(0, 0), (60, 40)])
def test_jobs_that_never_come_are_not_queued_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, queued: int
) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", seconds)
    found = now(tmp_path, [SUBMITTED], e=0)
    [batch] = found.batches
    assert queues(found).queued == batch["queued"] == batch["left"] == queued
    assert batch["note"] == ("" if queued else "40 of 40 have not come")


def ended(number: int) -> StateChange:
    return replace(running(number), state="SUCCEEDED", ended=2.0)


@pytest.mark.parametrize(
    ("submissions", "jobs", "note"),
    [
        ([Submission(batch="b", event="e", jobs=5)], 3, "interrupted: 3 of 5 were submitted"),
        ([Submission(batch="b", event="e", jobs=5)], 0, "interrupted: 0 of 5 were submitted"),
        ([Submission(batch="b", event="e", jobs=5, submitted=3)], 3, "done"),
        ([Submission(batch="b", event="e", jobs=3)], 3, "done"),
        ([], 3, "done"),  # nobody has announced it
    ],
)
def test_a_batch_of_which_nothing_more_comes_has_nothing_left_in_rows_and_totals(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    submissions: list[Announcement],
    jobs: int,
    note: str,
) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0)
    found = now(tmp_path, [*submissions, *map(ended, range(jobs))], e=0)
    [batch] = found.batches
    assert queues(found).queued == batch["queued"] == batch["left"] == 0
    assert (batch["done"], batch["note"]) == (note == "done", note)


@pytest.mark.parametrize("depths", [{"e": 0}, {"e": 2}, {}])
def test_a_batch_that_goes_on_or_of_which_nobody_knows_is_not_called_interrupted(
    tmp_path: Path, depths: dict[str, Any]
) -> None:
    found = now(tmp_path, [Submission(batch="b", event="e", jobs=5), *map(ended, range(3))], **depths)
    [batch] = found.batches
    assert (batch["queued"], batch["left"], batch["done"], batch["note"]) == (2, 2, False, "being submitted")


@pytest.mark.parametrize("depths", [{"e": 1}, {}])
def test_a_batch_that_is_silent_while_its_queue_is_not_empty_or_not_known_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depths: dict[str, Any]
) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0)
    [batch] = now(tmp_path, [Submission(batch="b", event="e", jobs=5)], **depths).batches
    assert (batch["queued"], batch["interrupted"]) == (5, False)


def test_a_view_takes_numbers_of_the_last_second_and_does_not_wait_for_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(StaleManagement):
        times = 0

        async def snapshot(self) -> Snapshot:
            self.times += 1
            return await super().snapshot()

    async def look() -> list[int]:
        store, asked = Store(tmp_path / "history.sqlite", keep=1000), Asked()
        read = Numbers(store, cast(Broker, BrokerWithQueues(e=1)), cast(Management, asked))
        seen = []
        for seconds in (60.0, 60.0, 0.0):
            monkeypatch.setattr(numbers, "LATE_SECONDS", seconds)
            monkeypatch.setattr(numbers, "FRESH_SECONDS", 0.0)
            await read.lately()
            seen.append(asked.times)
        store.close()
        return seen

    assert asyncio.run(look()) == [1, 1, 2]


def test_announcements_that_wait_are_told_since_the_history_lacks_them(tmp_path: Path) -> None:
    assert now(tmp_path, [SUBMITTED], e=40, oodt_status=12).behind == 12
    assert now(tmp_path, [SUBMITTED]).behind == 0
    assert now(tmp_path, [SUBMITTED], not_recorded=1000, e=40, oodt_status=12).behind == 1012


def test_without_a_connection_the_brokers_own_counts_are_told(tmp_path: Path) -> None:
    assert queues(now(tmp_path, [SUBMITTED])) == STALE
