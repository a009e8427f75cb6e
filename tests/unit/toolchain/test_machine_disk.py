"""The disk of virtual machines: when it is made anew, and why it may not be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolchain import machine_disk
from toolchain.machine_disk import Disk
from toolchain.steps import StepFailed


def test_a_disk_is_made_anew_when_a_file_on_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = machine_disk.recipe()
    assert machine_disk.recipe() == before
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_text("another")
    monkeypatch.setattr(machine_disk, "FILES", tmp_path)
    assert machine_disk.recipe() != before


def test_a_disk_by_another_recipe_is_removed_unless_machines_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_disk, "FOLDER", tmp_path)
    used, unused = (Disk(folder=tmp_path / name) for name in ("used", "unused"))
    for disk in (used, unused):
        disk.folder.mkdir()
        disk.key.touch()
    (tmp_path / "interrupted" / "tree").mkdir(parents=True)
    with used.kept():
        machine_disk.remove_unused()
        assert list(tmp_path.iterdir()) == [used.folder]
    machine_disk.remove_unused()
    assert list(tmp_path.iterdir()) == []


def test_a_user_who_cannot_have_machines_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StepFailed, match="only root can make"):
        machine_disk.ensure()


def test_a_machine_of_another_architecture_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.uname_result(("Linux", "host", "6.1", "#1", "aarch64"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "uname", lambda: other)
    with pytest.raises(StepFailed, match="this is aarch64"):
        machine_disk.ensure()
