"""Journals as they grow."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from runtime.records.journal import Journal, Journals, append

DEADLINE_SECONDS = 10
SIBLING = "run-1~01234567-89ab-cdef-0123-456789abcdef"


def followed(tmp_path: Path, test: Callable[[Journals], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        journals = Journals(tmp_path)
        journals.follow()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await test(journals)
        journals.stop()

    asyncio.run(run())


async def kinds(journal: Journal, count: int) -> list[str]:
    while len(journal.lines) < count:
        await journal.changed()
    return [line["kind"] for line in journal.lines]


def test_a_line_that_another_process_appends_is_seen(tmp_path: Path) -> None:
    async def test(journals: Journals) -> None:
        journal = journals.open("run-1", job="job")
        append(journal.path, {"kind": "instance"})
        assert await kinds(journal, 2) == ["opened", "instance"]

    followed(tmp_path, test)


def test_half_a_line_is_no_line_yet(tmp_path: Path) -> None:
    async def test(journals: Journals) -> None:
        journal = journals.open("run-1")
        with open(journal.path, "ab", buffering=0) as file:
            file.write(b'{"kind": "sta')
            await journal.changed()
            assert len(journal.lines) == 1
            file.write(b'tus"}\n')
        assert await kinds(journal, 2) == ["opened", "status"]

    followed(tmp_path, test)


def test_the_other_workflows_of_the_event_belong_to_the_run_and_strangers_do_not(tmp_path: Path) -> None:
    async def test(journals: Journals) -> None:
        journal = journals.open("run-1")
        append(tmp_path / "runs" / "stranger.jsonl", {"kind": "instance"}, create=True)
        append(tmp_path / "runs" / f"{SIBLING}.jsonl", {"kind": "instance"}, create=True)
        while len(journal.instances) < 2:
            await journal.changed()
        assert list(journal.instances) == ["run-1", SIBLING]
        assert list(journals) == [journal]
        journals.discard(journal)
        assert [path.name for path in (tmp_path / "runs").iterdir()] == ["stranger.jsonl"]

    followed(tmp_path, test)


def test_a_job_whose_id_looks_like_that_of_another_workflow_is_followed(tmp_path: Path) -> None:
    async def test(journals: Journals) -> None:
        journal = journals.open(SIBLING)
        append(journal.path, {"kind": "instance"})
        assert await kinds(journal, 2) == ["opened", "instance"]

    followed(tmp_path, test)


def test_runs_that_an_earlier_process_opened_are_found_again(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    append(tmp_path / "runs" / "run-1.jsonl", {"kind": "opened", "job": "job"}, create=True)
    append(tmp_path / "runs" / f"{SIBLING}.jsonl", {"kind": "instance"}, create=True)
    append(tmp_path / "runs" / "direct.jsonl", {"kind": "instance"}, create=True)

    async def test(journals: Journals) -> None:
        [journal] = journals
        assert journal.opening is not None and journal.opening["job"] == "job"
        assert list(journal.instances) == ["run-1", SIBLING]

    followed(tmp_path, test)


def test_a_new_workflow_manager_wakes_whoever_waits(tmp_path: Path) -> None:
    async def test(journals: Journals) -> None:
        journal = journals.open("run-1")
        (tmp_path / "wm-boot.new").write_text("boot-2")
        (tmp_path / "wm-boot.new").rename(tmp_path / "wm-boot")
        await journal.changed()

    followed(tmp_path, test)
