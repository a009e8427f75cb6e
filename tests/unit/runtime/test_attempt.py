"""One run of a job without a queue: the true process, gateway and verdict, with stand-ins of OODT."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.worker import Site, Worker
from toolchain.paths import REPOSITORY

SECONDS = 60


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    site = Site(folder=tmp_path, broker_url="amqp://localhost")
    site.start()
    worker = Worker(site=site)
    worker.start("manager", "gateway")
    yield worker
    worker.close()
    site.stop()


def attempt(worker: Worker, *, seconds: float = SECONDS, **metadata: str) -> dict[str, Any]:
    """What the process says in the end."""
    job = {"id": "try", "event": "test-workflow", "metadata": metadata, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "runtime.attempt"],
        input=json.dumps(job),
        env={**worker._environment(), "OODT_ARCHIVE": str(worker.site.folder / "work" / "archive")},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    ready, outcome = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True}
    said: dict[str, Any] = outcome["outcome"]
    return said


def test_a_job_that_succeeds_has_its_products(worker: Worker) -> None:
    outcome = attempt(worker, Run="1")
    assert (outcome["succeeded"], outcome["reason"]) == (True, None)
    files = [path for product in outcome["products"] for path in product["archived"]]
    assert files == [f"{outcome['archive']}/try_{task}.dat" for task in (1, 2)]
    assert worker.site.archived() == ["try_1.dat", "try_2.dat"]


def test_a_job_that_fails_has_reason_and_log_and_leaves_no_product(worker: Worker) -> None:
    outcome = attempt(worker, Run="1", Fail="task2", Output="no such star")
    assert (outcome["succeeded"], outcome["timed_out"], outcome["products"]) == (False, False, [])
    assert outcome["reason"] == "task urn:test:TaskTwo: its program did not exit with 0"
    assert outcome["log"] == "no such star"
    assert (worker.site.products(), worker.site.archived()) == ([], [])


def test_required_metadata_that_are_missing_are_named(worker: Worker) -> None:
    assert attempt(worker)["reason"] == "task urn:test:TaskOne: metadata field Run is missing"


def test_a_job_whose_time_is_over_is_stopped_and_has_its_log(worker: Worker) -> None:
    outcome = attempt(worker, seconds=10, Run="1", Hang="true", Output="waiting for a star")
    assert (outcome["timed_out"], outcome["reason"]) == (True, "it did not end in time")
    assert outcome["log"] == "waiting for a star"
