"""Following a batch whose announcements were missed, as on a machine that was asleep."""

import asyncio
from typing import Any

import pytest

from runtime.cli import submission
from runtime.cli.progress import BatchProgress
from runtime.cli.results import NoBroker
from runtime.cli.submission import Request, _catch_up

REQUEST = Request(event="e", batch="b", jobs=lambda: iter(()), priority="normal", wait=True)


class FakeStatus:
    """A history of three jobs, two of which have ended, in pages of two."""

    def batch(self, batch: str, event: str | None) -> dict[str, Any]:
        assert (batch, event) == ("b", "e")
        return {"ended": 2}

    def jobs(self, *, limit: int, before: int | None = None, **filters: str) -> list[dict[str, Any]]:
        assert filters == {"batch": "b", "event": "e"}
        states = {1: "SUCCEEDED", 2: "DEAD", 3: "RUNNING", 4: "QUEUED"}
        numbers = [number for number in (4, 3, 2, 1) if before is None or number < before]
        return [job(number, states[number]) for number in numbers[:2]]


def job(number: int, state: str) -> dict[str, Any]:
    about = {"job": f"b.{number}", "event": "e", "batch": "b", "run": 1, "attempts": 1, "node": None}
    return {**about, "number": number, "state": state, "reason": "exit 1", "products": []}


def caught_up(monkeypatch: pytest.MonkeyPatch, client: object) -> BatchProgress:
    def status_client() -> object:
        if client is None:
            raise NoBroker("nobody there")
        return client

    monkeypatch.setattr(submission, "status_client", status_client)
    progress = BatchProgress(batch="b", jobs=4)
    asyncio.run(_catch_up(REQUEST, progress))
    return progress


def test_what_was_missed_is_told_by_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = caught_up(monkeypatch, FakeStatus())
    assert (progress.ended, progress.counts["RUNNING"], progress.complete) == (2, 1, False)
    assert [change.reason for change in progress.dead()] == ["exit 1"]


def test_without_a_status_service_the_announcements_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert caught_up(monkeypatch, None).ended == 0
