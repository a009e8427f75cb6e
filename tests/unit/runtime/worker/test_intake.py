"""What becomes of messages as they come in, and of runs that an earlier process of the container left."""

import asyncio
import errno
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from runtime import names
from runtime.messaging.broker import BrokerDown, Unconfirmed
from runtime.messaging.event import Event
from runtime.messaging.topology import DEFER_WAIT, MOST_RETURNS
from runtime.records import journal
from runtime.records.ledger import Run
from runtime.worker import intake, reports, runner
from tests.unit.runtime.worker.container import (
    TASK,
    WAIT_SECONDS,
    Container,
    ended,
    failed,
    run,
    running,
    successful,
    until,
)
from tests.unit.runtime.worker.fakes import EVENT, FakeBroker, delivery


def test_a_message_for_a_run_that_does_not_count_is_settled_by_the_ledger(tmp_path: Path) -> None:
    async def story(container: Container) -> list[str]:
        container.ledger.cancel(EVENT.name, "job")
        opening = {"event": EVENT.name, "job": "job", "run": 1, "batch": None, "queued": None, "ledger": ""}
        line = {"kind": "opened", "at": 0.0, **opening}
        journal.append(tmp_path / "runs" / "job.jsonl", line, create=True)
        container.journals.follow()
        await container.intake.adopt()
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        return container.broker.keys

    assert run(tmp_path, story) == ["event.CANCELLED"]


def test_messages_that_nothing_distinguishes_get_an_id_each_before_they_are_run(tmp_path: Path) -> None:
    async def story(container: Container) -> set[str]:
        sent = [delivery(message_id=None) for _ in range(3)]
        container.take(*sent)
        await container.intake.drain(10)
        assert container.broker.keys == [EVENT.name] * 3
        assert [each.answer for each in sent] == ["ack"] * 3
        return {properties.message_id for _, properties in container.broker.published}

    assert len(run(tmp_path, story)) == 3


def test_of_messages_with_one_time_and_body_each_is_run_or_renamed_once(tmp_path: Path) -> None:
    async def story(container: Container) -> tuple[int, int]:
        sent = [delivery(message_id=None, timestamp=17) for _ in range(3)]
        for each in sent:
            container.take(each)
            await until(lambda each=each: each.answered)  # type: ignore[misc]
        await container.intake.drain(10)
        return len(container.manager.begun), container.broker.keys.count(EVENT.name)

    assert run(tmp_path, story) == (1, 2)


def test_a_message_that_is_delivered_twice_is_run_once(tmp_path: Path) -> None:
    async def story(container: Container) -> list[str]:
        lost, again = delivery(alive=False), delivery(redelivered=True)
        container.manager.script = lambda _: running()
        container.take(lost)
        await until(lambda: bool(container.manager.begun))
        container.take(again)
        container.manager.write("job", *ended())
        await until(lambda: again.answered)
        assert again.answer == "ack"
        return container.manager.begun

    assert run(tmp_path, story) == ["job"]


def test_a_message_with_the_id_of_a_job_that_had_other_metadata_is_dead_under_an_id_of_its_own(
    tmp_path: Path,
) -> None:
    async def story(container: Container) -> list[str]:
        first = delivery(body=b'{"Dataset": "abc", "Project": "1"}')
        container.take(first)
        await until(lambda: first.answered)
        reordered = delivery(body=b'{"Project": "1", "Dataset": "abc"}')
        other = delivery(body=b'{"Dataset": "xyz"}')
        for each in (reordered, other):
            container.take(each)
            await until(lambda each=each: each.answered)  # type: ignore[misc]
        [(queue, properties)] = [each for each in container.broker.published if each[0].endswith(".dead")]
        assert queue == names.dead_queue(EVENT.name)
        assert "job with other metadata" in properties.headers["oodt-reason"]
        assert container.manager.begun == ["job"]
        assert re.fullmatch(r"job\.[0-9a-f]{12}", properties.message_id)
        return [key for key in container.broker.keys if key.startswith(f"{EVENT.name}.")]

    assert run(tmp_path, story) == [
        "event.RUNNING",
        "event.SUCCEEDED",
        "event.SUCCEEDED",
        "event.dead",
        "event.DEAD",
    ]


def test_a_message_with_the_id_of_a_job_in_hand_and_other_metadata_is_not_answered_with_that_job(
    tmp_path: Path,
) -> None:
    async def story(container: Container) -> str:
        container.manager.script = lambda _: running()
        first, other = delivery(), delivery(body=b'{"Dataset": "xyz"}')
        container.take(first)
        await until(lambda: bool(container.manager.begun))
        container.take(other)
        await until(lambda: other.answered)
        assert not first.answered
        container.manager.write("job", *ended())
        return container.broker.keys[-1]

    assert run(tmp_path, story) == names.retry_queue(EVENT.name, DEFER_WAIT)


def test_poison_goes_to_the_dead_queue_with_its_reason(tmp_path: Path) -> None:
    async def story(container: Container) -> object:
        came = delivery(body=b"[1]")
        container.take(came)
        await until(lambda: came.answered)
        [(queue, properties), _] = container.broker.published
        return queue, properties.message_id, properties.headers["oodt-reason"]

    reason = "the message is a JSON array; a job is a JSON object of metadata"
    assert run(tmp_path, story) == ("event.dead", "job", reason)


def test_poison_with_the_id_of_a_job_says_nothing_of_that_job(tmp_path: Path) -> None:
    async def story(container: Container) -> tuple[bool, set[str]]:
        first = delivery()
        container.take(first)
        await until(lambda: first.answered)
        published = len(container.broker.published)
        came = delivery(body=b"no JSON")
        container.take(came)
        await until(lambda: came.answered)
        [(_, properties), _] = container.broker.published[published:]
        verdict = container.ledger.verdict(EVENT.name, "job")
        return verdict is not None and verdict.state == "SUCCEEDED", {properties.message_id}

    succeeded, ids = run(tmp_path, story)
    assert succeeded
    [own] = ids
    assert re.fullmatch(r"job\.[0-9a-f]{12}", own)


def test_a_dead_letter_of_the_broker_is_a_dead_job_with_the_brokers_reason(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        letter = delivery(queue="event.abandoned", headers={"x-death": [{"reason": "expired"}]})
        container.intake.take_dead_letter(letter)
        await until(lambda: letter.answered)
        verdict = container.ledger.verdict(EVENT.name, "job")
        assert verdict is not None and verdict.state == "DEAD"
        return verdict.outcome.reason

    assert "time to live was over" in str(run(tmp_path, story))


def test_a_container_that_drains_finishes_what_runs_and_hands_back_the_rest(tmp_path: Path) -> None:
    async def story(container: Container) -> tuple[list[str], list[str | None]]:
        container.manager.script = lambda _: running()
        slots = EVENT.max_workflows
        came = [delivery(message_id=f"job{number}") for number in range(slots + 2)]
        container.take(*came)
        await until(lambda: len(container.manager.begun) == slots)
        for started in container.manager.begun:
            container.manager.write(started, *ended())
        await container.intake.drain(10)
        container.take(late := delivery(message_id="late"))
        return container.manager.begun, [each.answer for each in (*came, late)]

    begun, answers = run(tmp_path, story)
    assert set(begun) == {f"job{number}" for number in range(EVENT.max_workflows)}
    assert answers == ["ack"] * EVENT.max_workflows + ["requeue"] * 3


def test_a_container_that_drains_leaves_no_journal_of_a_run_that_ends_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> tuple[list[Path], list[str]]:
        def slowly(*about: Any) -> None:
            time.sleep(0.2)
            keep(*about)

        keep = container.ledger.keep_journal
        monkeypatch.setattr(container.ledger, "keep_journal", slowly)
        container.manager.script = lambda _: running()
        container.take(delivery())
        await until(lambda: bool(container.manager.begun))
        container.manager.write("job", *ended())
        await container.intake.drain(10)
        kept = container.ledger.folder(EVENT.name, "job").glob("journal-*")
        return list((tmp_path / "runs").iterdir()), [each.name for each in kept]

    assert run(tmp_path, story) == ([], ["journal-1.jsonl.gz"])


def test_a_container_that_drains_does_not_wait_for_a_run_that_no_order_stops(
    tmp_path: Path,
) -> None:
    async def story(container: Container) -> list[str]:
        container.manager.script = lambda _: running()
        container.manager.stoppable = False
        container.take(came := delivery())
        await until(lambda: bool(container.manager.begun))
        container.ledger.cancel(EVENT.name, "job")
        await until(lambda: came.answered)
        async with asyncio.timeout(WAIT_SECONDS):
            await container.intake.drain(10 * WAIT_SECONDS)
        return [path.name for path in (tmp_path / "runs").iterdir()]

    assert run(tmp_path, story) == ["job.jsonl"]


def test_jobs_that_wait_for_the_workflow_manager_are_handed_back_at_once(tmp_path: Path) -> None:
    async def story(container: Container) -> str | None:
        container.manager.up.clear()
        came = delivery()
        container.take(came)
        await container.intake.drain(10)
        return str(came.answer)

    assert run(tmp_path, story) == "requeue"


@pytest.mark.parametrize(
    ("max_attempts", "queue", "state"), [(3, "event.retry.", "RETRYING"), (1, "event.dead", "DEAD")]
)
def test_the_copy_of_a_message_that_comes_back_while_the_answer_is_under_way_is_not_answered_with_it(
    tmp_path: Path, max_attempts: int, queue: str, state: str
) -> None:
    original, copy = delivery(), delivery(headers={"oodt-redrive": "once"})

    def meanwhile(key: str) -> None:
        if key == f"event.{state}" and not copies:
            copies.append(copy)
            container_of[0].take(copy)

    async def story(container: Container) -> list[str]:
        container_of.append(container)
        container.manager.script = lambda run_id: failed() if run_id == "job" else successful()
        container.take(original)
        await until(lambda: copy.answered)
        assert any(key.startswith(queue) for key in container.broker.keys)
        verdict = container.ledger.verdict(EVENT.name, "job")
        assert verdict is not None and verdict.state == "SUCCEEDED"
        return container.manager.begun

    copies: list[object] = []
    container_of: list[Container] = []
    event = Event(name=EVENT.name, max_attempts=max_attempts)
    assert run(tmp_path, story, event=event, broker=FakeBroker(meanwhile)) == ["job", "job~2"]
    assert (original.answer, copy.answer) == ("ack", "ack")


def test_a_job_does_not_wait_behind_a_task_that_cannot_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(container: Container) -> tuple[str | None, list[str]]:
        container.manager.script = lambda _: running()
        container.manager.stoppable = False
        container.take(hanging := delivery(message_id="hanging"))
        await until(lambda: hanging.answered)
        container.manager.write("hanging", {"kind": "stuck", "task": TASK, "stack": "  at Deaf.run"})
        container.take(next_one := delivery(message_id="next"))
        await until(lambda: next_one.answered)
        return next_one.answer, container.manager.begun

    monkeypatch.setattr(intake, "SLOT_SECONDS", 0.2)
    monkeypatch.setattr(runner, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(runner, "STOP_AGAIN_SECONDS", 0.05)
    event = Event(name=EVENT.name, max_workflows=1, job_timeout=1)
    assert run(tmp_path, story, event=event) == ("ack", ["hanging"])
    assert "task urn:test:Task does not stop" in caplog.text and "at Deaf.run" in caplog.text


@pytest.mark.parametrize(
    ("error", "answer"), [(Unconfirmed("no confirm"), "ack"), (BrokerDown("no connection"), "requeue")]
)
def test_a_broken_queue_for_announcements_holds_up_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str
) -> None:
    def fail(key: str) -> None:
        if key == "event.SUCCEEDED":
            raise error

    async def story(container: Container) -> str:
        container.take(came := delivery())
        await until(lambda: came.answered)
        return str(came.answer)

    monkeypatch.setattr(reports, "PAUSE_SECONDS", 0)
    assert run(tmp_path, story, broker=FakeBroker(fail)) == answer


@pytest.mark.parametrize(
    ("returns", "at_work", "moved"),
    [(MOST_RETURNS - 1, False, False), (MOST_RETURNS, False, True), (MOST_RETURNS, True, True)],
)
def test_a_message_that_was_returned_often_is_published_anew_before_its_queue_may_drop_it(
    tmp_path: Path, returns: int, at_work: bool, moved: bool
) -> None:
    async def story(container: Container) -> list[str]:
        container.manager.script = lambda _: successful()
        if at_work:
            container.manager.script = lambda _: running()
            container.take(delivery(alive=False))
            await until(lambda: bool(container.manager.begun))
        again = delivery(redelivered=True, headers={"x-delivery-count": returns})
        container.take(again)
        await until(lambda: again.answered)
        assert again.answer == "ack"
        return [key for key in container.broker.keys if key == names.retry_queue(EVENT.name, DEFER_WAIT)]

    assert bool(run(tmp_path, story)) == moved


def test_a_share_that_takes_nothing_is_tried_once_for_each_slot_and_not_for_each_job_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else all queued jobs go round and round, and their lines push all others out of the log."""
    monkeypatch.setattr(intake, "SHARE_PAUSE_SECONDS", WAIT_SECONDS)

    async def story(container: Container) -> list[str | None]:
        monkeypatch.setattr(container.ledger, "claim", _full)
        sent = [delivery(message_id=f"job-{number}") for number in range(3)]
        container.take(*sent)
        await until(lambda: sent[0].answered)
        await asyncio.sleep(0.1)
        return [each.answer for each in sent]

    assert run(tmp_path, story, event=Event(name=EVENT.name, max_workflows=1)) == ["ack", None, None]
    [problem] = [line for line in caplog.messages if "could not go on" in line]
    assert problem == "job job-0 could not go on: [Errno 28] No space left on device"


def test_a_run_whose_end_the_share_does_not_take_is_not_said_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> list[dict[str, Any]]:
        monkeypatch.setattr(container.ledger, "settle", _full)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        return container.broker.announced

    told = [(each["state"], each["run"], each["attempts"], each["reason"]) for each in run(tmp_path, story)]
    assert told == [
        ("RUNNING", 1, 1, None),
        ("RETRYING", 1, 0, "the worker could not go on: No space left on device"),
    ]


def test_a_run_that_was_reported_is_not_reported_again_as_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> list[str]:
        monkeypatch.setattr(container.ledger, "note_answered", _full)
        came = delivery(message_id=None, timestamp=17)
        container.take(came)
        await until(lambda: came.answered)
        return [each["state"] for each in container.broker.announced]

    assert run(tmp_path, story) == ["RUNNING", "SUCCEEDED"]


def test_a_run_whose_end_the_share_has_taken_keeps_its_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> list[dict[str, Any]]:
        container.manager.script = lambda _: failed()
        monkeypatch.setattr(container.ledger, "products", _full)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        return container.broker.announced

    last = run(tmp_path, story)[-1]
    assert (last["state"], last["attempts"]) == ("RETRYING", 1)
    assert "exit 1" in last["reason"]


def test_an_adopted_run_whose_end_the_share_does_not_take_is_not_said_to_go_on_before_its_message_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the share is full, the message that comes later cannot even claim another run."""

    async def story(container: Container) -> list[str]:
        begun = container.ledger.claim(EVENT.name, "job")
        assert isinstance(begun, Run)
        opening = {"event": EVENT.name, "job": "job", "run": 1, "batch": None, "queued": None}
        line = {"kind": "opened", "at": time.time(), **opening, "ledger": str(begun.folder)}
        journal.append(tmp_path / "runs" / "job.jsonl", line, create=True)
        container.manager.write("job", *successful())
        container.journals.follow()
        monkeypatch.setattr(container.ledger, "settle", _full)
        await container.intake.adopt()
        await container.intake.drain(1)
        return container.broker.keys

    monkeypatch.setattr(intake, "SHARE_PAUSE_SECONDS", 0)
    assert run(tmp_path, story) == ["event.RETRYING"]


def test_a_cancelled_run_whose_products_the_share_keeps_is_not_said_to_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> list[str]:
        def cancelled(_: str) -> list[dict[str, Any]]:
            container.ledger.cancel(EVENT.name, "job")
            return failed()

        container.manager.script = cancelled
        monkeypatch.setattr(container.ledger, "products", _full)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        return [each["state"] for each in container.broker.announced]

    assert run(tmp_path, story) == ["RUNNING"]


def test_a_job_that_the_share_does_not_let_begin_stays_a_queued_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(container: Container) -> list[str]:
        monkeypatch.setattr(container.ledger, "claim", _full)
        came = delivery()
        container.take(came)
        await until(lambda: came.answered)
        return container.broker.keys

    assert run(tmp_path, story) == [names.retry_queue(EVENT.name, DEFER_WAIT)]


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
