"""An entry is one writer's, also on a disk whose server dies while it answers."""

import os
from pathlib import Path

import pytest

from runtime.records import entries


def test_of_two_writers_of_one_entry_the_second_learns_that_it_was_late(tmp_path: Path) -> None:
    entries.add(tmp_path, 1, {"writer": "first"})
    with pytest.raises(entries.EntryExists):
        entries.add(tmp_path, 1, {"writer": "second"})
    assert entries.read_all(tmp_path) == [{"writer": "first"}]


@pytest.mark.parametrize("error", [FileExistsError(), OSError(5, "Input/output error")])
def test_a_link_whose_answer_was_lost_is_the_writers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    link = os.link

    def lost(source: Path, target: Path) -> None:
        link(source, target)
        raise error

    monkeypatch.setattr(os, "link", lost)
    entries.add(tmp_path, 1, {"writer": "first"})
    assert entries.read_all(tmp_path) == [{"writer": "first"}]


def test_an_entry_that_the_disk_refuses_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space left"):
        entries.add(tmp_path, 1, {"writer": "first"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "there"), [("file", True), ("other", False), ("folder/file", False)])
def test_it_is_told_whether_a_name_is_there(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "file").touch()
    assert entries.exists(tmp_path / name) == there


def test_entries_are_found_though_the_disks_client_remembers_that_their_folder_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an NFS client does, until it lists the folder above."""
    folder, asked, listdir, scandir = tmp_path / "job", list[str](), os.listdir, os.scandir
    folder.mkdir()
    entries.add(folder, 1, {"kind": "run"})

    def remembering(path: Path) -> list[str]:
        if path == folder and str(tmp_path) not in asked:
            raise FileNotFoundError(path)
        return listdir(path)

    def asking(path: Path) -> object:
        asked.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "listdir", remembering)
    monkeypatch.setattr(os, "scandir", asking)
    assert entries.numbers(folder) == [1]
    assert entries.numbers(tmp_path / "nowhere") == []
