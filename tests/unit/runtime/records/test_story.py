"""The story of a job: one order over all that had a part in it, from what is on the share."""

import gzip
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import names
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.records.story import Stories, log_name
from runtime.records.unpack import Unpack

EVENT, TASK, LOG = "event", "urn:test:Task", "urn_test_Task.gz"


class Share:
    def __init__(self, folder: Path) -> None:
        self.jobs, self.folder = folder / "jobs", folder / "ledger"
        self.ledger = Ledger(self.folder, node="worker1", lease=30)
        self.stories = Stories(self.ledger, self.jobs)

    def begun(self) -> Run:
        run = self.ledger.claim(EVENT, "job")
        assert isinstance(run, Run)
        return run

    def log(self, instance: str, *parts: str, name: str = LOG) -> Path:
        path = self.jobs / names.RUN_LOGS / instance / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(gzip.compress(part.encode()) for part in parts))
        return path

    def told(self) -> list[tuple[str, str]]:
        return [(each.by, each.text) for each in self.stories.of(EVENT, "job")]


@pytest.fixture
def share(tmp_path: Path) -> Share:
    (tmp_path / "jobs").mkdir()
    return Share(tmp_path)


def test_all_who_had_a_part_tell_in_the_order_of_time(share: Share) -> None:
    run = share.begun()
    at = iter(range(1, 100))
    lines: list[dict[str, Any]] = [
        {"kind": "instance", "workflow": "urn:test:Workflow"},
        {"kind": "status", "task": TASK, "status": "PGETask_Running"},
        {"kind": "expects", "task": TASK, "files": ["/a"], "problems": []},
        {"kind": "log", "task": TASK, "text": "the last lines"},
        {"kind": "task-ended", "task": TASK},
    ]
    share.log(run.id, "the whole log\n")
    share.ledger.keep_journal(run.folder, 1, [{**line, "at": run.started + next(at)} for line in lines])
    for line in (
        {"kind": "ingest", "name": "a", "product": "p", "at": run.started + 3.5},
        {"kind": "withdrawn", "product": "p"},
    ):
        share.ledger.add_product_line(run.folder, 1, line)
    came_to = Outcome(result="failed", reason="it was bad")
    share.ledger.settle(
        run, Verdict(outcome=came_to, attempts=1, node="worker1", run=1, ended=run.started + 99)
    )
    assert share.told() == [
        ("consumer", "run job begins on worker1"),
        ("workflow manager", "workflow urn:test:Workflow begins"),
        ("workflow manager", f"{TASK}: PGETask_Running"),
        ("program", "its output"),
        ("workflow manager", f"{TASK} has made 1 files"),
        ("file manager", "a is in the catalogue as product p"),
        ("file manager", "product p is removed: its run does not count"),
        ("workflow manager", f"{TASK} has ended"),
        ("consumer", "the job is DEAD: it was bad"),
    ]
    [program] = [each for each in share.stories.of(EVENT, "job") if each.log]
    assert (program.instance, program.log, program.run) == ("job", LOG, 1)


def test_without_its_full_log_a_program_tells_its_last_lines(share: Share) -> None:
    run = share.begun()
    share.ledger.keep_journal(
        run.folder, 1, [{"kind": "log", "task": TASK, "text": "last", "at": time.time()}]
    )
    assert ("program", "last") in share.told()


def test_what_a_program_writes_can_be_read_while_its_run_goes_on(share: Share) -> None:
    run = share.begun()
    share.log(run.id, "so far\n")
    assert share.told()[-1] == ("program", "its output")
    packed = share.stories.read(run.id, LOG, offset=0, limit=9999)
    assert b"".join(unpacked([packed])) == b"so far\n"


def test_a_job_that_is_not_on_record_has_no_story(share: Share) -> None:
    assert share.told() == [] and not (share.folder / EVENT).exists()


def test_a_line_of_another_version_or_a_journal_that_broke_off_spoils_nothing(share: Share) -> None:
    run = share.begun()
    share.ledger.keep_journal(run.folder, 1, [{"kind": "status"}, {"kind": "later", "at": 1}])
    assert ("workflow manager", "?: ?") in share.told()
    (journal,) = run.folder.glob("journal-*")
    journal.write_bytes(journal.read_bytes()[:-9])
    assert share.told() == [("consumer", "run job begins on worker1")]


def test_only_a_log_of_a_run_of_the_job_can_be_read(share: Share, tmp_path: Path) -> None:
    run = share.begun()
    assert share.stories.has(EVENT, "job", run.id) and share.stories.has(EVENT, "job", f"{run.id}~uuid")
    assert not share.stories.has(EVENT, "job", "job2")
    secret = tmp_path / "secret.gz"
    secret.write_text("secret")
    path = share.log(run.id, "log")
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(OSError):
        share.stories.read(run.id, LOG, offset=0, limit=10)
    for instance, log in (
        ("..", "secret.gz"),
        (".", LOG),
        (run.id, "../../secret.gz"),
        (f"{run.id}/..", LOG),
    ):
        with pytest.raises(FileNotFoundError):
            share.stories.read(instance, log, offset=0, limit=10)


def test_a_pipe_in_place_of_a_log_holds_nobody_up(share: Share) -> None:
    path = share.log("job", "log")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError):
        share.stories.read("job", LOG, offset=0, limit=10)


@pytest.mark.parametrize(
    ("task", "name"),
    [(TASK, LOG), ("../etc/passwd", "_._etc_passwd.gz"), ("t" * 300, "t" * 200 + ".gz"), (".", "_.gz")],
)
def test_a_task_has_the_log_that_its_workflow_manager_has_named(task: str, name: str) -> None:
    assert log_name(task) == name


@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(min_value=1, max_value=700))
def test_a_log_is_unpacked_whatever_its_parts_and_programs(outputs: list[bytes], size: int) -> None:
    packed = b"".join(map(gzip.compress, outputs))
    assert b"".join(unpacked(_parts(packed, size))) == b"".join(outputs)
    broken = packed[: len(packed) // 2]
    assert b"".join(outputs).startswith(b"".join(unpacked(_parts(broken, size))))


def test_a_log_that_is_small_because_it_repeats_itself_is_unpacked_in_parts() -> None:
    packed = gzip.compress(bytes(100_000_000), compresslevel=1)
    sizes = [len(part) for part in unpacked([packed])]
    assert sum(sizes) == 100_000_000 and max(sizes) <= 1024 * 1024


def unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    unpack = Unpack()
    return (content for part in parts for content in unpack.feed(part))


def _parts(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))
