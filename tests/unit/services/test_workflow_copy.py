"""The copy of the workflow folders that the containers see."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from services.workflows import archive


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        for part in ("policy", "pge-configs", "pges"):
            (folder / part).mkdir(parents=True)
        (folder / "policy" / "events.xml").write_text(name)
        (folder / "pges" / "pge.sh").write_text("#!/bin/sh\n")
        (folder / "pges" / "pge.sh").chmod(0o700)
        (folder / "pges" / "__pycache__").mkdir()
        (folder / "pges" / "__pycache__" / "x.pyc").write_text("")
        made.append(folder)
    return made


def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: member for member in tar}


def test_the_first_policy_is_where_the_original_has_it_and_others_are_below_their_name(
    folders: list[Path],
) -> None:
    names = members(archive(folders))
    assert {"workflows/policy/events.xml", "workflows/second/policy/events.xml", "pges/first/pge.sh"} <= set(
        names
    )
    assert not any("__pycache__" in name for name in names)


def test_every_user_of_a_container_can_read_the_files_and_run_the_programs(folders: list[Path]) -> None:
    names = members(archive(folders))
    assert names["workflows/policy/events.xml"].mode == 0o644
    assert names["pges/first/pge.sh"].mode == 0o755


def test_the_jobs_entry_leads_to_the_job_folders_of_the_workflow(folders: list[Path]) -> None:
    jobs = members(archive(folders))["pges/second/jobs"]
    assert jobs.issym()
    assert jobs.linkname == "/usr/local/oodt/jobs/second"


def test_the_same_content_gives_the_same_bytes_and_an_edit_others(folders: list[Path]) -> None:
    before = archive(folders)
    (folders[0] / "policy" / "events.xml").touch()
    assert archive(folders) == before
    (folders[0] / "policy" / "events.xml").write_text("changed")
    assert archive(folders) != before
