"""The course of one job: what its runs, their ends and the ledger make of it."""

import asyncio
import os
from pathlib import Path

import pytest

from runtime.messaging import messages
from runtime.messaging.alike import shared
from runtime.messaging.event import Event
from runtime.outcome import Outcome
from runtime.records import entries
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker import course
from runtime.worker.course import MOST_INTERRUPTIONS
from tests.unit.runtime.worker.container import Container, failed, run, running, until
from tests.unit.runtime.worker.fakes import EVENT, delivery


def state(container: Container, job: str = "job") -> str | None:
    verdict = container.ledger.verdict(EVENT.name, job)
    return verdict.state if verdict else None


def test_a_run_with_every_piece_of_evidence_is_a_verdict_and_then_an_acknowledgement(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert "event.SUCCEEDED" in container.broker.keys
        return state(container)

    assert run(tmp_path, story) == "SUCCEEDED"


def test_a_failed_run_waits_in_a_retry_queue_with_its_reason(tmp_path: Path) -> None:
    async def story(container: Container) -> str:
        container.manager.script = lambda _: failed()
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert state(container) is None
        [(queue, properties)] = [each for each in container.broker.published if ".retry." in each[0]]
        assert queue in {"event.retry.5", "event.retry.8"}
        return str(properties.headers["oodt-reason"])

    assert run(tmp_path, story) == "task urn:test:Task: exit 1"


def test_the_last_attempt_that_fails_makes_the_job_dead(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        container.manager.script = lambda _: failed()
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert "event.dead" in container.broker.keys
        return state(container)

    assert run(tmp_path, story, event=Event(name=EVENT.name, max_attempts=1)) == "DEAD"


def test_a_run_that_takes_too_long_is_stopped_and_has_failed(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        container.manager.script = lambda _: running()
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert container.manager.stopped == ["job"]
        verdict = container.ledger.verdict(EVENT.name, "job")
        assert verdict is not None
        return verdict.outcome.reason

    event = Event(name=EVENT.name, max_attempts=1, job_timeout=1)
    assert run(tmp_path, story, event=event) == "it did not end within 1 s"


def test_a_job_that_another_worker_runs_is_deferred(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        assert isinstance(other.claim(EVENT.name, "job"), Run)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert container.broker.keys == ["event.retry.5"]
        assert not container.manager.begun
        return str(came.answer)

    other = Ledger(tmp_path / "ledger", node="other", lease=30)
    assert run(tmp_path, story) == "ack"


def test_a_job_that_has_ended_is_not_run_again(tmp_path: Path) -> None:
    async def story(container: Container) -> list[str]:
        for _ in range(2):
            came = delivery()
            container.take(came)
            await until(lambda came=came: came.answered)  # type: ignore[misc]
        return container.manager.begun

    assert run(tmp_path, story) == ["job"]


def test_jobs_of_a_batch_that_came_again_with_other_metadata_are_dead_for_one_reason(tmp_path: Path) -> None:
    async def story(container: Container) -> set[str]:
        for body in (b"{}", b'{"changed": "yes"}'):
            for job in ("b.1", "b.2"):
                came = delivery(message_id=job, body=body)
                container.take(came)
                await until(lambda came=came: came.answered)  # type: ignore[misc]
        dead = [properties for queue, properties in container.broker.published if queue == "event.dead"]
        assert len(dead) == 2
        return {shared(str(messages.reason_of(each)), str(each.message_id)) for each in dead}

    [reason] = run(tmp_path, story)
    assert reason == "message id … is that of a job with other metadata; a redrive runs this as …"


def test_a_cancelled_job_is_stopped_when_its_lease_is_renewed(tmp_path: Path) -> None:
    async def story(container: Container) -> list[str]:
        container.manager.script = lambda _: running()
        came = delivery()
        container.take(came)
        await until(lambda: bool(container.manager.begun))
        container.ledger.cancel(EVENT.name, "job")
        await until(lambda: came.answered)
        assert "event.retry.5" in container.broker.keys
        return container.manager.stopped

    assert run(tmp_path, story) == ["job"]


def test_a_run_that_was_interrupted_is_no_attempt_and_the_next_waits_for_the_workflow_manager(
    tmp_path: Path,
) -> None:
    async def story(container: Container) -> list[str]:
        container.manager.script = lambda _: [{"kind": "instance", "wm": "another boot", "tasks": []}]
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert container.broker.keys.count("event.retry.5") == 1
        container.manager.up.clear()
        container.take(delivery(message_id="next"))
        await asyncio.sleep(0.05)
        return container.manager.begun

    assert run(tmp_path, story) == ["job"]


@pytest.mark.parametrize("failures", [0, 2])
def test_attempts_are_counted_from_the_ledger(tmp_path: Path, failures: int) -> None:
    async def story(container: Container) -> int:
        for _ in range(failures):
            claim = container.ledger.claim(EVENT.name, "job")
            assert isinstance(claim, Run)
            container.ledger.end(claim, Outcome(result="failed", reason="exit 1"))
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        verdict = container.ledger.verdict(EVENT.name, "job")
        assert verdict is not None
        return verdict.attempts

    assert run(tmp_path, story) == failures + 1


def test_a_job_whose_runs_all_end_with_their_node_is_dead_at_last(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        for _ in range(MOST_INTERRUPTIONS):
            claim = container.ledger.claim(EVENT.name, "job")
            assert isinstance(claim, Run)
            os.utime(claim.folder / f"{claim.entry:04}.json", (0, 0))
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        assert not container.manager.begun
        verdict = container.ledger.verdict(EVENT.name, "job")
        assert verdict is not None and verdict.state == "DEAD"
        return verdict.outcome.reason

    assert run(tmp_path, story) == (
        "10 of its runs have no end on record: their Workflow Manager, their node or the share failed"
    )


@pytest.mark.parametrize(("max_attempts", "kind"), [(1, "verdict"), (3, "ended")])
def test_a_decision_is_on_record_before_its_products_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_attempts: int, kind: str
) -> None:
    async def removal(ledger: Ledger, _: object, folder: Path, **__: object) -> None:
        on_record.append(entries.read_all(folder)[-1]["kind"])

    async def story(container: Container) -> None:
        container.manager.script = lambda _: failed()
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)

    on_record: list[str] = []
    monkeypatch.setattr(course, "withdraw", removal)
    run(tmp_path, story, event=Event(name=EVENT.name, max_attempts=max_attempts))
    assert on_record == [kind]


def test_whoever_has_a_dead_job_next_finishes_the_removal_of_its_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def removal(*_: object, **which: object) -> None:
        removed.append(which)

    async def story(container: Container) -> None:
        claim = container.ledger.claim(EVENT.name, "job")
        assert isinstance(claim, Run)
        dead = Verdict(outcome=Outcome(result="failed"), attempts=3, node="other", run=1, ended=0)
        container.ledger.settle(claim, dead)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)

    removed: list[object] = []
    monkeypatch.setattr(course, "withdraw", removal)
    run(tmp_path, story)
    assert removed == [{"before": 2}]
