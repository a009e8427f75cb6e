"""The progress of a batch, from state changes that may come twice and in any order."""

import json

from runtime.cli.progress import BatchProgress
from runtime.messaging.announcements import State, StateChange, decode
from runtime.outcome import Outcome


def event(job: str, state: State, **fields: object) -> StateChange:
    return StateChange(job=job, event="e", state=state, node="n", **{"attempts": 1, **fields})  # type: ignore[arg-type]


def test_a_batch_is_complete_when_each_job_has_ended() -> None:
    progress = BatchProgress(batch="b", jobs=2)
    for state in ("RUNNING", "SUCCEEDED"):
        progress.add(event("b.1", state))
    assert not progress.complete
    progress.add(event("b.2", "DEAD"))
    assert progress.complete
    assert (progress.counts["SUCCEEDED"], progress.counts["DEAD"], progress.counts["RUNNING"]) == (1, 1, 0)


def test_an_end_that_is_told_twice_counts_once_and_nothing_late_undoes_it() -> None:
    progress = BatchProgress(batch="b", jobs=1)
    for state in ("SUCCEEDED", "SUCCEEDED", "RUNNING"):
        progress.add(event("b.1", state))
    assert progress.ended == 1
    assert progress.latest["b.1"].state == "SUCCEEDED"


def test_the_report_says_what_became_of_each_job() -> None:
    progress = BatchProgress(batch="b", jobs=1, submitted=1)
    outcome = Outcome(result="failed", reason="exit 1", log="no such file")
    progress.add(event("b.1", "DEAD", outcome=outcome, attempts=3))
    report = progress.report(waited=True)
    assert {key: report[key] for key in ("batch", "submitted", "succeeded", "failed", "cancelled")} == {
        "batch": "b",
        "submitted": 1,
        "succeeded": 0,
        "failed": 1,
        "cancelled": 0,
    }
    assert report["jobs"] == [
        {
            "id": "b.1",
            "state": "DEAD",
            "attempts": 3,
            "node": "n",
            "reason": "exit 1",
            "log": "no such file",
            "products": [],
        }
    ]


def test_events_of_a_later_version_are_understood() -> None:
    fields = {"job": "b.1", "event": "e", "state": "RUNNING", "attempts": 1, "node": "n", "colour": "blue"}
    assert decode(json.dumps(fields).encode()) == event("b.1", "RUNNING")
