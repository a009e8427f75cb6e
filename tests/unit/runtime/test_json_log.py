"""The log of our processes: a JSON object a line, for programs and people, without secrets."""

import asyncio
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import json_log


def line(message: str, *arguments: object, **options: Any) -> dict[str, Any]:
    record = logging.getLogger("runtime.test").makeRecord(
        "runtime.test", logging.WARNING, "file", 1, message, arguments, options.get("exc_info")
    )
    text = json_log.JsonLines("consumer", node="worker1").format(record)
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_a_line_says_when_who_and_what_before_all_else() -> None:
    found = line("run %s begins", "a.1")
    assert list(found)[:4] == ["time", "level", "process", "message"]
    assert (found["level"], found["process"], found["node"]) == ("warning", "consumer", "worker1")
    assert found["message"] == "run a.1 begins" and found["time"].endswith("Z")


def test_tasks_that_run_at_once_have_their_own_job_and_run() -> None:
    async def story(job: str) -> dict[str, Any]:
        json_log.about(event="event", batch=None, job=job)
        await asyncio.sleep(0)
        json_log.about(run=f"{job}~2")
        await asyncio.sleep(0)
        return await asyncio.to_thread(line, "something")

    async def both() -> list[dict[str, Any]]:
        return list(await asyncio.gather(story("a.1"), story("a.2")))

    for job, found in zip(("a.1", "a.2"), asyncio.run(both()), strict=True):
        assert (found["event"], found["job"], found["run"]) == ("event", job, f"{job}~2")
        assert "batch" not in found
    assert "job" not in line("something else")


def test_an_exception_is_in_the_line_that_tells_of_it() -> None:
    try:
        raise OSError("no space left")
    except OSError:
        found = line("not written", exc_info=sys.exc_info())
    assert "Traceback" in found["error"] and "OSError: no space left" in found["error"]


@pytest.mark.parametrize(
    "text",
    [
        "amqp://oodt-user:s3cret-pw@broker:5672",
        "http://admin:s3cret-pw@host/",
        "Authorization: Bearer s3cret-pw",
    ],
)
def test_no_secret_gets_into_a_line(text: str) -> None:
    try:
        raise ConnectionError(text)
    except ConnectionError as error:
        found = line("no answer: %s", error, exc_info=sys.exc_info())
    assert "s3cret-pw" not in json.dumps(found)


@given(st.text())
def test_whatever_a_message_holds_it_stays_one_line(text: str) -> None:
    assert line("%s", text)["message"] is not None


def test_a_process_that_ends_by_an_error_says_so_in_a_line() -> None:
    program = "from runtime import json_log; json_log.configure('gateway'); raise RuntimeError('broken')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    found = json.loads(done.stderr)
    assert done.returncode == 1 and found["level"] == "critical"
    assert found["message"] == "ended by an error: broken" and "Traceback" in found["error"]
