"""The history takes each event into account once, in whichever order and however often events come."""

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pika
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.actions.redrive import Choice
from runtime.messaging import messages
from runtime.messaging.announcements import RESULT, Redrive, State, StateChange, Submission
from runtime.outcome import Outcome, Product
from runtime.status_service.schema import STEPS, Unreadable
from runtime.status_service.store import Store

EVENT = "test-workflow"
PRODUCT = Product(id="1", name="p", type="T", archived=("/archive/p",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "history.sqlite", keep=100)
    yield store
    store.close()


def change(state: State, run: int = 1, job: str = "batch.1", **fields: Any) -> StateChange:
    defaults: dict[str, Any] = {"attempts": run, "node": "node1", "batch": "batch", "queued": 100.0}
    told = {key: fields.pop(key) for key in ("reason", "log", "products") if key in fields}
    if result := RESULT.get(state):
        fields["outcome"] = Outcome(result=result, **told)
    return StateChange(**{"job": job, "event": EVENT, "state": state, "run": run, **defaults, **fields})


STORY = (
    change("RUNNING", 1, started=103.0),
    change("RETRYING", 1, started=103.0, ended=113.0, reason="exit 1"),
    change("RUNNING", 2, started=120.0),
    change("SUCCEEDED", 2, started=120.0, ended=150.0, products=(PRODUCT,)),
)


def job_of(store: Store, job: str = "batch.1") -> dict[str, Any]:
    found = store.job(EVENT, job)
    assert found is not None
    return found


def test_a_job_is_what_its_events_say(store: Store) -> None:
    store.apply(STORY)
    job = job_of(store)
    assert (job["state"], job["attempts"], job["products"]) == (
        "SUCCEEDED",
        2,
        [asdict(PRODUCT) | {"archived": ["/archive/p"]}],
    )
    assert [(run["run"], run["state"], run["reason"]) for run in job["runs"]] == [
        (1, "FAILED", "exit 1"),
        (2, "SUCCEEDED", None),
    ]


@settings(deadline=None)
@given(order=st.permutations(range(len(STORY))), twice=st.sets(st.integers(0, len(STORY) - 1)))
def test_events_that_come_late_or_twice_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], twice: set[int]
) -> None:
    store = Store(tmp_path_factory.mktemp("history") / "history.sqlite", keep=100)
    store.apply([STORY[index] for index in (*order, *twice)])
    job = job_of(store)
    assert (job["state"], job["attempts"]) == ("SUCCEEDED", 2)
    assert [run["state"] for run in job["runs"]] == ["FAILED", "SUCCEEDED"]
    assert store.states() == {EVENT: {state: int(state == "SUCCEEDED") for state in store.states()[EVENT]}}
    assert store.totals()[EVENT]["succeeded"] == 1
    assert store.totals()[EVENT]["run:sum"] == 40
    store.close()


def test_any_event_of_an_unknown_job_makes_it_and_its_batch(store: Store) -> None:
    store.apply([STORY[3]])
    [batch] = store.batch("batch")
    assert (batch["jobs"], batch["submitted"], batch["states"]) == (1, None, {"SUCCEEDED": 1})


def test_a_batch_tells_how_many_jobs_have_not_begun(store: Store) -> None:
    store.apply([Submission(batch="batch", event=EVENT, jobs=10), change("RUNNING")])
    [batch] = store.batch("batch")
    assert (batch["jobs"], batch["waiting"], batch["submitted"]) == (10, 9, None)
    store.apply([Submission(batch="batch", event=EVENT, jobs=10, submitted=10)])
    assert [each["submitted"] for each in store.batches(limit=5)] == [10]


def test_a_job_that_has_not_begun_is_known_by_its_batch(store: Store) -> None:
    store.apply([Submission(batch="batch", event=EVENT, jobs=10)])
    assert job_of(store, "batch.10")["state"] == "QUEUED"
    assert [each["state"] for each in store.find("batch.10")] == ["QUEUED"]
    for unknown in ("batch.11", "batch.0", "batch.x", "other.1", "batch"):
        assert store.job(EVENT, unknown) is None


def test_a_redriven_job_is_queued_until_it_runs_again(store: Store) -> None:
    redrive = Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")
    store.apply([change("DEAD", 1, ended=110.0, reason="exit 1"), redrive])
    assert (job_of(store)["state"], job_of(store)["attempts"]) == ("QUEUED", 0)
    assert store.states()[EVENT] == {"DEAD": 0, "QUEUED": 1}
    store.apply([change("DEAD", 1), change("RUNNING", 2, attempts=1), redrive])
    assert (job_of(store)["state"], job_of(store)["attempts"]) == ("RUNNING", 1)
    store.apply([change("DEAD", 2), redrive])
    assert job_of(store)["state"] == "DEAD"


def test_a_redriven_job_that_was_forgotten_is_queued(store: Store) -> None:
    store.apply([Redrive(job="j", event=EVENT, redrive="one")])
    assert job_of(store, "j")["state"] == "QUEUED"
    store.apply([change("RUNNING", 4, job="j", batch=None)])
    assert job_of(store, "j")["state"] == "RUNNING"


def test_a_running_job_can_be_cancelled_and_its_worker_comes_too_late(store: Store) -> None:
    store.apply([change("RUNNING"), change("CANCELLED"), change("SUCCEEDED")])
    assert job_of(store)["state"] == "CANCELLED"


def test_waiting_and_running_seconds_are_counted_in_buckets(store: Store) -> None:
    store.apply(STORY)
    totals = store.totals()[EVENT]
    assert {name: totals[name] for name in ("queued:5", "queued:sum", "run:15", "run:60", "run:sum")} == {
        "queued:5": 1,
        "queued:sum": 3,
        "run:15": 1,
        "run:60": 1,
        "run:sum": 40,
    }


def test_the_oldest_jobs_that_have_ended_are_forgotten_and_running_ones_never(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", keep=3)
    store.apply([change("RUNNING", job="running")])
    store.apply([change("SUCCEEDED", job=f"j{n}", ended=float(n), started=0.5) for n in range(1, 8)])
    assert store.prune() == 4
    assert [job["job"] for job in store.jobs({}, limit=10)] == ["j7", "j6", "j5", "running"]
    assert store.job(EVENT, "j1") is None
    assert store.prune() == 0
    [batch] = store.batch("batch")
    assert batch["states"] == {"SUCCEEDED": 7, "RUNNING": 1}


def test_a_batch_of_which_every_job_is_forgotten_is_forgotten(store: Store) -> None:
    store.apply(STORY)
    assert store.forget(until=10_000_000_000) == 1
    assert store.batches(limit=5) == [] and store.states() == {}
    assert store.totals()[EVENT]["succeeded"] == 1


def test_jobs_are_listed_by_page_and_filter(store: Store) -> None:
    store.apply([change("RUNNING", job=f"j{n}", node=f"node{n % 2}") for n in range(6)])
    first = store.jobs({"node": "node1"}, limit=2)
    rest = store.jobs({"node": "node1"}, limit=2, before=first[-1]["number"])
    assert [job["job"] for job in (*first, *rest)] == ["j5", "j3", "j1"]


def test_jobs_of_a_time_are_listed_by_their_ends_page_by_page(store: Store) -> None:
    ends = (5.0, 9.0, 7.0, 7.0, 1.0, 8.0)
    store.apply([change("SUCCEEDED", job=f"j{n}", ended=end) for n, end in enumerate(ends)])
    store.apply([change("RUNNING", job="running")])
    seen: list[str] = []
    before = None
    while page := store.jobs({"event": EVENT}, limit=2, before=before, ended_from=5.0, ended_to=9.0):
        seen += [job["job"] for job in page]
        before = page[-1]["number"]
    assert seen == ["j5", "j3", "j2", "j0"]


def test_jobs_of_a_time_and_a_node_match_both(store: Store) -> None:
    store.apply([change("SUCCEEDED", job=f"j{n}", ended=float(n), node=f"node{n % 2}") for n in range(1, 9)])
    found = store.jobs({"node": "node1", "event": EVENT}, limit=9, ended_from=3.0, ended_to=7.0)
    assert [job["job"] for job in found] == ["j5", "j3"]


def test_a_batch_is_heard_of_with_each_change_of_its_jobs(store: Store) -> None:
    store.apply([Submission(batch="batch", event=EVENT, jobs=10)])
    [batch] = store.batch("batch")
    for each in (
        change("RUNNING"),
        change("DEAD"),
        Redrive(job="batch.1", event=EVENT, redrive="one", batch="batch"),
    ):
        store.apply([each])
        heard = batch["changed"]
        [batch] = store.batch("batch")
        assert batch["changed"] > heard


def test_a_history_of_an_earlier_version_is_brought_to_this_one(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    with sqlite3.connect(file) as connection:
        for step in STEPS[:1]:
            connection.executescript(step)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO batches VALUES ('batch', ?, 1, 1, 0, 100.0)", (EVENT,))
        connection.execute(
            "INSERT INTO jobs"
            " VALUES (1, ?, 'batch.1', 'batch', 'DEAD', 1, 2, 1, 'n', 'exit 1', '[]', 1, 2, 3, 3, NULL)",
            (EVENT,),
        )
        connection.execute("INSERT INTO counts VALUES (?, 'batch', 'DEAD', 1)", (EVENT,))
    told: list[str] = []
    store = Store(file, keep=100, tell=told.append)
    assert [text.rpartition(", ")[2] for text in told] == [
        f"step {number} of {len(STEPS)}" for number in range(2, len(STEPS) + 1)
    ]
    assert [each["jobs"] for each in store.reasons(event=EVENT, batch="batch", limit=5)] == [1]
    assert [each["changed"] for each in store.batch("batch")] == [100.0]
    store.apply([Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")])
    assert store.states()[EVENT] == {"DEAD": 0, "QUEUED": 1}
    store.close()


def test_reasons_of_a_history_by_an_earlier_rule_are_those_that_a_redrive_knows(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    reasons = {f"b.{n}": f"refused at 12:34:0{n}" for n in range(3)}
    store = Store(file, keep=100)
    store.apply([change("DEAD", job=job, reason=reason) for job, reason in reasons.items()])
    store.apply([change("RUNNING", job="b.3")])
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE jobs SET alike = reason")
        connection.execute("PRAGMA user_version = 8")
    store = Store(file, keep=100)
    [group] = store.reasons(event=EVENT, batch=None, limit=5)
    assert (group["reason"], group["jobs"]) == ("refused at …", 3)
    choice = Choice(same_reason=group["reason"])
    for job, reason in reasons.items():
        assert choice.fits(job, messages.republished(pika.BasicProperties(), job=job, reason=reason))
    store.close()


def test_reasons_are_counted_and_those_that_are_left_out_too(store: Store) -> None:
    reasons = ("exit 1", "exit 1", "no output", "exit 2")
    for state in ("DEAD", "RETRYING"):
        jobs = {f"{state}{n}": reason for n, reason in enumerate(reasons)}
        store.apply([change(state, job=job, reason=reason, batch=state) for job, reason in jobs.items()])
    found = store.reasons(event=EVENT, batch=None, limit=1)
    assert [(each["reason"], each["jobs"]) for each in found] == [("exit 1", 2)]
    for batch, limit, rest in ((None, 1, 2), ("DEAD", 2, 1), ("DEAD", 5, 0), ("other", 5, 0)):
        assert store.reasons_and_rest(event=EVENT, batch=batch, limit=limit)[1] == rest
    assert [store.reasons_to_retry(limit=limit)[1] for limit in (1, 5)] == [2, 0]


def test_jobs_whose_reasons_differ_in_what_is_their_own_are_dead_for_one_reason(store: Store) -> None:
    reasons = {f"b.{n}": f"output /jobs/b.{n}/out_{n}.dat was not ingested: refused" for n in range(3)}
    store.apply([change("DEAD", job=job, reason=reason) for job, reason in reasons.items()])
    store.apply([change("DEAD", job="other.1", reason="exit 1")])
    first, second = store.reasons(event=EVENT, batch=None, limit=5)
    assert (first["reason"], first["jobs"]) == ("output … was not ingested: refused", 3)
    assert (second["reason"], second["jobs"]) == ("exit 1", 1)
    for reason, jobs in ((first["reason"], ["b.2", "b.1", "b.0"]), (reasons["b.1"], ["b.1"])):
        found = store.jobs({"event": EVENT, "state": "DEAD", "reason": reason}, limit=5)
        assert [job["job"] for job in found] == jobs
    assert store.dead_alike(EVENT, first["reason"], batch=None) == {"batch": 3}
    assert store.dead_alike(EVENT, first["reason"], batch="other") == {}
    store.apply([change("SUCCEEDED", 2, job="b.1")])
    assert store.dead_alike(EVENT, first["reason"], batch=None) == {"batch": 2}


def test_reasons_of_jobs_that_are_tried_again_are_known_before_these_are_dead(store: Store) -> None:
    failed = [change("RETRYING", job=f"b.{n}", reason=f"/jobs/b.{n}/in: no such file") for n in range(3)]
    store.apply([*failed, change("RUNNING", 2, job="b.2")])
    [found], _ = store.reasons_to_retry(limit=5)
    assert (found["reason"], found["jobs"], found["example"]) == ("…: no such file", 2, "b.1")


def test_what_was_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in ([], ["batch.1"]):
        store = Store(tmp_path / "deep" / "history.sqlite", keep=3)
        assert [job["job"] for job in store.jobs({}, limit=10)] == expected
        store.apply(STORY)
        store.close()


def test_events_that_cannot_be_recorded_leave_nothing_half_done(store: Store) -> None:
    broken = change("RUNNING", job="other", node=object())
    with pytest.raises(sqlite3.Error):
        store.apply(itertools.chain(STORY, [broken]))
    assert store.jobs({}, limit=10) == [] and store.totals() == {}


def test_a_question_is_answered_while_something_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", keep=100)
    seen: list[Any] = []

    def announcements() -> Iterator[StateChange]:
        yield from STORY[:1]
        seen.append(store.jobs({}, limit=10))
        seen.append(store.moment(10).states)

    store.apply(announcements())
    assert seen == [[], {}]
    assert store.moment(10).states == {EVENT: {"RUNNING": 1}}
    store.close()


def test_a_history_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(Unreadable, match="use the newer program"):
        Store(file, keep=3)


def test_a_redriven_job_that_ends_without_another_run_is_dead_again(store: Store) -> None:
    redrive = Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")
    store.apply([change("DEAD", 0), redrive, change("DEAD", 0)])
    assert job_of(store)["state"] == "QUEUED"
    store.apply([change("DEAD", 0, redrive="one", reason="not JSON")])
    assert (job_of(store)["state"], job_of(store)["reason"]) == ("DEAD", "not JSON")
    assert store.states()[EVENT] == {"DEAD": 1, "QUEUED": 0}


def test_a_redrive_that_is_announced_after_the_end_of_its_job_does_not_queue_it(store: Store) -> None:
    redrive = Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")
    store.apply([change("DEAD", 0), change("DEAD", 0, redrive="one"), redrive])
    assert job_of(store)["state"] == "DEAD"
    store.apply([Redrive(job="batch.1", event=EVENT, batch="batch", redrive="two")])
    assert job_of(store)["state"] == "QUEUED"


def test_a_redriven_job_whose_batch_is_cancelled_is_cancelled_whatever_is_announced_first(
    store: Store,
) -> None:
    redrive = Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")
    store.apply([change("DEAD", 1), change("CANCELLED", 1, redrive="one"), redrive])
    assert job_of(store)["state"] == "CANCELLED"
    assert store.states()[EVENT] == {"CANCELLED": 1, "DEAD": 0}


def test_the_end_of_an_earlier_redrive_does_not_take_the_place_of_one_that_goes_on(store: Store) -> None:
    for token in ("one", "two"):
        store.apply([change("DEAD", 1), Redrive(job="batch.1", event=EVENT, batch="batch", redrive=token)])
        store.apply([change("DEAD", 1, redrive="one")])
    assert store.pending_redrive(EVENT, "batch.1") == "two"


def test_a_redrive_is_pending_while_its_job_is_queued(store: Store) -> None:
    redrive = Redrive(job="batch.1", event=EVENT, batch="batch", redrive="one")
    store.apply([change("DEAD", 1), redrive])
    assert store.pending_redrive(EVENT, "batch.1") == "one"
    store.apply([change("RUNNING", 2)])
    assert store.pending_redrive(EVENT, "batch.1") is None


def test_two_events_may_have_batches_of_one_name(store: Store) -> None:
    store.apply([Submission(batch="batch", event=event, jobs=3) for event in (EVENT, "other")])
    store.apply([change("RUNNING"), change("DEAD", event="other")])
    assert [batch["states"] for batch in store.batch("batch")] == [{"DEAD": 1}, {"RUNNING": 1}]
    assert store.open_jobs(EVENT, "batch") == ["batch.1"]
    store.mark_cancelled("other", "batch")
    assert [batch["cancelled"] for batch in store.batch("batch", event=EVENT)] == [False]


def test_a_submission_that_was_broken_off_says_how_many_jobs_there_are(store: Store) -> None:
    begun = Submission(batch="batch", event=EVENT, jobs=10)
    store.apply([begun, replace(begun, submitted=4)])
    assert store.job(EVENT, "batch.5") is None
    assert job_of(store, "batch.4")["state"] == "QUEUED"
    store.apply([begun])
    assert [batch["submitted"] for batch in store.batch("batch")] == [None]
