"""What is under a file's name when the command that writes it is killed."""

import os
from pathlib import Path

import pytest

from testing.full_disk import full_disk
from toolchain import whole_files


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is killed as soon as the text of a file is written."""

    def kill(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", kill)


def test_a_command_that_is_killed_leaves_the_old_content(tmp_path: Path, killed: None) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        whole_files.write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_a_command_that_is_killed_leaves_no_new_file_under_the_name(tmp_path: Path, killed: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        whole_files.write(tmp_path / "file", "new")
    assert not (tmp_path / "file").exists()


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with full_disk():
        whole_files.write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_what_a_killed_command_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "file.unfinished").write_text("a much longer text than the new one")
    whole_files.write(tmp_path / "file", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "new")]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    whole_files.write(tmp_path / "file", "text", mode=mode)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    whole_files.write(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_users_file_that_root_writes_stays_the_users(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 1234, 1234)
    whole_files.write(tmp_path / "file", "text")
    assert (tmp_path / "file").stat().st_uid == 1234
