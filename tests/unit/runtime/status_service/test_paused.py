"""Who asks which events are paused gets an answer, also while the share gives none."""

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from runtime.messaging.announcements import StateChange
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger
from runtime.records.pauses import Pauses
from runtime.status_service import question
from runtime.status_service.changes import Changes
from runtime.status_service.management import EventQueues, Management, Snapshot
from runtime.status_service.metrics import render
from runtime.status_service.paused import Paused, PausedEvents
from runtime.status_service.store import Store
from testing.waiting import until
from tests.unit.runtime.status_api import ManagementOfNothing, NoBroker, parts, served

ANSWER_SECONDS = 30
SNAPSHOT = Snapshot(
    queues=(EventQueues(event="e", queued=0, taken=0, retrying=0, dead=0, counted=True),), nodes=()
)


@dataclass
class Share:
    """The share's answers to who lists the paused events, or to who pauses one."""

    answers: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    paused: set[str] = field(default_factory=lambda: {"e"})

    def speak(self) -> None:
        question.ANSWER_SECONDS = ANSWER_SECONDS
        self.answers.set()

    def be_silent(self) -> None:
        question.ANSWER_SECONDS = 0.3
        self.answers.clear()

    def names(self) -> set[str]:
        self.asked += 1
        self.answers.wait(60)
        return set(self.paused)

    def pause(self, event: str, *, who: str) -> bool:
        self.answers.wait(60)
        self.paused.add(event)
        return True


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    """A share that does not answer."""
    monkeypatch.setattr(question, "ANSWER_SECONDS", 0.3)  # and as it was after the test
    made = Share()
    yield made
    made.speak()


def test_while_the_share_is_silent_it_is_known_what_it_told_last_and_it_is_asked_once(share: Share) -> None:
    async def story() -> list[Paused]:
        events = PausedEvents(cast(Pauses, share))
        found = [await events.look()]
        share.speak()
        found.append(await events.look())
        share.be_silent()
        before = share.asked
        found += await asyncio.gather(events.look(), events.look())
        assert share.asked == before + 1
        share.speak()
        return found

    assert asyncio.run(story()) == [
        Paused(events=None, now=False),
        Paused(events={"e"}, now=True),
        *[Paused(events={"e"}, now=False)] * 2,
    ]


def test_a_share_that_has_an_error_tells_nothing_and_is_asked_again(tmp_path: Path) -> None:
    async def story() -> list[Paused]:
        (tmp_path / ".paused").write_text("no folder")
        events = PausedEvents(Pauses(tmp_path))
        found = [await events.look()]
        (tmp_path / ".paused").unlink()
        return [*found, await events.look()]

    assert asyncio.run(story()) == [Paused(events=None, now=False), Paused(events=set(), now=True)]


@dataclass
class Service:
    port: int
    changes: Changes
    store: Store

    def ask(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        connection.request(method, path, headers={"Authorization": "Bearer t", "OODT-Who": "ann"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: Share) -> Iterator[Service]:
    """A status service whose broker has the queue of an event."""

    async def snapshot(_: Management) -> Snapshot:
        return SNAPSHOT

    async def depth(_: NoBroker, queue: str) -> int | None:
        return 0

    monkeypatch.setattr(ManagementOfNothing, "snapshot", snapshot)
    monkeypatch.setattr(NoBroker, "depth", depth)
    monkeypatch.setattr(Pauses, "names", lambda _: share.names())
    with contextlib.closing(Store(tmp_path / "history.sqlite", keep=10)) as store:
        made = parts(store, "t", tmp_path)
        changes = Changes(tmp_path / "history.sqlite")
        with served(replace(made, operations=replace(made.operations, changes=changes))) as port:
            found = Service(port=port, changes=changes, store=store)
            yield found
            share.speak()
            queue_of(found)  # so that no question is left
        changes.close()


def queue_of(service: Service) -> Any:
    status, text = service.ask("GET", "/api/v1/overview")
    assert status == 200
    (queue,) = json.loads(text)["queues"]
    return queue


def test_views_api_and_metrics_answer_while_the_share_does_not(service: Service) -> None:
    for path in ("/workflows", "/workflows/e"):
        status, html = service.ask("GET", path)
        assert (status, "it is not known which events are paused" in html) == (200, True)
    assert queue_of(service)["paused"] is None
    status, text = service.ask("GET", "/metrics")
    assert (status, "oodt_broker_up 1.0" in text, "oodt_event_paused" in text) == (200, True, False)


def test_no_request_waits_for_a_share_that_does_not_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would keep one of few threads: soon no view would answer."""

    def asked(*_: object) -> NoReturn:
        raise AssertionError("the share was asked")

    for method in ("history", "cancel", "cancel_batch", "folders"):
        monkeypatch.setattr(Ledger, method, asked)
    died = Outcome(result="failed", reason="it was bad")
    of: dict[str, Any] = {"job": "b.1", "event": "e", "batch": "b", "node": "n"}
    dead = StateChange(**of, state="DEAD", run=1, attempts=1, outcome=died)
    service.store.apply([dead])
    for path in ("/jobs/e/b.1", "/dead/e?reason=it%20was%20bad"):
        status, html = service.ask("GET", path)
        assert (status, "The share does not answer" in html, "it was bad" in html) == (200, True, True)
    for method, path in (
        ("GET", "/jobs/e/b.1/story"),
        ("GET", "/jobs/e/b.1/files/0/0"),
        ("GET", "/api/v1/jobs/e/b.1/story"),
        ("GET", "/api/v1/jobs/e/b.1/logs/run/program.gz"),
        ("POST", "/api/v1/jobs/e/b.1/cancel"),
        ("POST", "/api/v1/batches/b/cancel"),
    ):
        status, text = service.ask(method, path)
        assert (status, "the share does not answer" in text) == (503, True), path


def test_what_the_share_told_last_is_shown_as_that(service: Service, share: Share) -> None:
    share.speak()
    assert "The share does not answer" not in service.ask("GET", "/workflows")[1]
    share.be_silent()
    html = service.ask("GET", "/workflows")[1]
    assert "which events are paused is what it told last" in html
    assert queue_of(service)["paused"] is True
    assert 'oodt_event_paused{event="e"} 1.0' in service.ask("GET", "/metrics")[1]


@pytest.mark.parametrize("action", ["pause", "resume", "pause?dry_run=true", "resume?dry_run=true"])
def test_who_pauses_or_resumes_an_event_hears_that_the_share_does_not_answer(
    service: Service, action: str
) -> None:
    status, text = service.ask("POST", f"/api/v1/events/e/{action}")
    assert (status, json.loads(text)["error"]) == (503, "the share does not answer, so nothing was changed")


def test_a_pause_that_the_share_takes_late_is_recorded_then(
    service: Service, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pauses, "names", lambda _: set())
    monkeypatch.setattr(Pauses, "pause", lambda _, event, who: share.pause(event, who=who))
    status, text = service.ask("POST", "/api/v1/events/e/pause")
    assert (status, "this is done, and recorded, once it does" in text) == (503, True)
    assert service.changes.listed({}, limit=10) == []
    share.speak()
    until(lambda: service.changes.listed({}, limit=10), what="the record")


def test_prometheus_hears_of_no_event_that_it_is_not_paused_while_nobody_knows() -> None:
    assert b"oodt_event_paused{" not in render(SNAPSHOT, {}, {}, paused=None)
    assert b'oodt_event_paused{event="e"} 0.0' in render(SNAPSHOT, {}, {}, paused=())
