"""An action of the API says before what it would do, does it when it is told to, and is on record."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from runtime.actions.redrive import Report
from runtime.messaging.announcements import RESULT, Announcement, State, StateChange, Submission, Touched
from runtime.outcome import Outcome
from runtime.status_service.changes import Changes
from runtime.status_service.management import EventQueues, Management, ManagementDown, Snapshot
from runtime.status_service.numbers import Numbers
from runtime.status_service.operations import Operations
from runtime.status_service.store import Store
from tests.unit.runtime.status_api import NoBroker, parts, served

ANSWER_SECONDS = 10
MOST_CHARACTERS = 255  # of a name in AMQP
QUEUES = EventQueues(event="e", queued=0, taken=0, retrying=0, dead=0, counted=True)


class ManagementOfOneEvent:
    async def snapshot(self) -> Snapshot:
        return Snapshot(queues=(QUEUES,), nodes=())


class BrokerWithJobs:
    """A broker whose event has three jobs in its queue."""

    connected = True

    async def depth(self, queue: str) -> int | None:
        assert len(queue) <= MOST_CHARACTERS
        return {"e": 3, "e.dead": 0}.get(queue)


@dataclass
class Service:
    port: int
    changes: Changes
    operations: Operations

    def ask(
        self, path: str, content: Any = None, *, method: str = "POST", token: str = "t"
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        headers = {"Authorization": f"Bearer {token}", "OODT-Who": "ann@laptop"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        body = json.dumps(content) if content is not None else None
        connection.request(method, f"/api/v1/{path}", body=body, headers=headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        connection.close()
        return answer.status, found


class ManagementAway:
    async def snapshot(self) -> Snapshot:
        raise ManagementDown("it did not answer within 10 s")


@contextlib.contextmanager
def service(
    folder: Path, history: Sequence[Announcement] = (), *, broker: Any = None, management: Any = None
) -> Iterator[Service]:
    database = folder / "history.sqlite"
    store = Store(database, keep=10)
    store.apply(history)
    changes = Changes(database)
    made = parts(store, "t", folder)
    management = cast(Management, management or ManagementOfOneEvent())
    numbers = Numbers(store, cast(Any, broker or BrokerWithJobs()), management)
    operations = replace(made.operations, changes=changes)
    told = replace(made, numbers=numbers, management=management, changes=changes, operations=operations)
    with served(told) as port:
        yield Service(port=port, changes=changes, operations=operations)


def recorded(changes: Changes) -> list[tuple[str, str | None]]:
    return [(each["subject"], each["who"]) for each in changes.listed({}, limit=10)]


def test_an_event_is_paused_and_resumed_once(tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        status, planned = asked.ask("events/e/pause?dry_run=true")
        assert (status, planned["done"], planned["changed"]) == (200, False, True)
        assert planned["text"] == (
            "3 jobs of e wait until it is resumed; 0 that run go on, and so do those that begin before the "
            "workers look, which they do every 2 s"
        )
        assert not recorded(asked.changes)
        for changed in (True, False):
            assert asked.ask("events/e/pause")[1]["changed"] is changed
        (queue,) = asked.ask("overview", method="GET")[1]["queues"]
        assert queue["paused"] is True
        for changed in (True, False):
            assert asked.ask("events/e/resume")[1]["changed"] is changed
        assert recorded(asked.changes) == [("resume", "ann@laptop"), ("pause", "ann@laptop")]


@pytest.mark.parametrize("event", ["other", "e.dead", "e" * 300])
def test_an_event_that_the_broker_does_not_know_is_not_paused(tmp_path: Path, event: str) -> None:
    with service(tmp_path) as asked:
        status, refused = asked.ask(f"events/{event}/pause")
        assert (status, refused["error"]) == (404, f"the broker has no queue of an event {event}")


def test_an_event_is_paused_while_the_brokers_management_is_silent(tmp_path: Path) -> None:
    with service(tmp_path, management=ManagementAway()) as asked:
        status, paused = asked.ask("events/e/pause")
        assert (status, paused["changed"]) == (200, True)
        assert paused["text"].startswith("3 jobs of e wait")


def test_no_event_is_called_unknown_while_the_broker_is_away(tmp_path: Path) -> None:
    with service(tmp_path, broker=NoBroker()) as asked:
        status, refused = asked.ask("events/e/pause")
        assert status == 503
        assert refused["error"].startswith("no connection")
        assert not recorded(asked.changes)


def test_a_token_that_may_look_only_does_nothing(tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        assert asked.ask("events/e/pause", token="looks only")[0] == 403
        assert not recorded(asked.changes)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"event": "e"}, "say which dead jobs: batch, reason, jobs, or all alone"),
        ({"event": "e", "all": True, "batch": "b"}, "say which dead jobs: batch, reason, jobs, or all alone"),
        ({"event": "e", "all": True, "metadata": {"JobId": "1"}}, "metadata field JobId is OODT's own"),
        ({"event": "e", "all": True, "other": 1}, "other: Extra inputs are not permitted"),
    ],
)
def test_a_redrive_that_says_too_little_or_too_much_is_refused(
    tmp_path: Path, content: dict[str, Any], error: str
) -> None:
    with service(tmp_path) as asked:
        status, refused = asked.ask("redrive", content)
        assert status == 400 and refused["error"].startswith(error)


def test_a_redrive_that_goes_on_says_how_far_it_is(tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        status, refused = asked.ask("redrive?event=e", method="GET")
        assert (status, refused["error"]) == (404, "no redrive of e goes on here")
        report = Report(event="e", messages=50_000, read=1_200)
        report.add(Touched(job="b.1", batch="b"))
        asked.operations.looking["e"] = report
        status, told = asked.ask("redrive?event=e", method="GET", token="looks only")
        assert (status, told["messages"], told["read"], told["jobs"]) == (200, 50_000, 1_200, 1)
        assert told["text"] == "1200 of 50000 messages read, 1 jobs fit"


def test_a_broker_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        status, refused = asked.ask("redrive", {"event": "e", "all": True})
        assert status == 503 and "127.0.0.1:9" in refused["error"] and ":x@" not in refused["error"]


def test_a_dry_run_tells_how_many_jobs_of_a_batch_a_cancellation_ends(tmp_path: Path) -> None:
    running = StateChange(job="b.1", event="e", batch="b", state="RUNNING", run=1, attempts=1, node="n")
    history: list[Announcement] = [Submission(batch="b", event="e", jobs=3, submitted=3), running]
    with service(tmp_path, history) as asked:
        status, planned = asked.ask("batches/b/cancel?dry_run=true")
        assert (status, planned["stopped"], planned["waiting"], planned["done"]) == (200, 1, 2, False)
        assert not recorded(asked.changes)


def test_a_node_that_nobody_has_told_of_is_not_drained(tmp_path: Path) -> None:
    with service(tmp_path) as asked:
        status, refused = asked.ask("nodes/worker1/drain")
        assert (status, refused["error"]) == (404, "no node worker1 is in the swarm: none is known yet")


def job(name: str, state: State, **fields: Any) -> StateChange:
    outcome = Outcome(result=RESULT[state], reason="exit 1") if state in RESULT else None
    defaults = {"event": "e", "batch": "b", "run": 2, "attempts": 2, "node": "n1", "outcome": outcome}
    return StateChange(**{"job": name, "state": state, **defaults, **fields})


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("RUNNING", "job b.1 runs on n1, run 2: its program is killed within ten seconds, and its products"),
        ("RETRYING", "job b.1 waits for another run after run 2 has failed (exit 1): none begins"),
        ("DEAD", "job b.1 has ended before, dead: nothing happens"),
        ("SUCCEEDED", "job b.1 has ended before, succeeded: nothing happens"),
    ],
)
def test_what_cancelling_a_job_would_do_depends_on_where_it_is(
    tmp_path: Path, state: State, text: str
) -> None:
    with service(tmp_path, [job("b.1", state)]) as asked:
        status, planned = asked.ask("jobs/e/b.1/cancel?dry_run=true")
        assert (status, planned["state"], planned["done"]) == (200, state, False)
        assert planned["text"].startswith(text)
        assert recorded(asked.changes) == []


def test_a_job_of_which_nothing_was_announced_may_be_in_the_queue(tmp_path: Path) -> None:
    history = [Submission(batch="b", event="e", jobs=3, submitted=3)]
    with service(tmp_path, history) as asked:
        _, planned = asked.ask("jobs/e/b.3/cancel?dry_run=true")
        assert planned["text"] == "job b.3 is queued; it ends without a run when its turn comes"
        _, planned = asked.ask("jobs/e/other/cancel?dry_run=true")
        assert "other is not known: perhaps its message waits in the queue" in planned["text"]
        assert asked.ask("jobs/none/other/cancel?dry_run=true")[0] == 404
