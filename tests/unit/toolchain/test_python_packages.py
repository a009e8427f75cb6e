"""When `.venv` is made, made anew, and left as it is."""

from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from toolchain import python_packages
from toolchain.steps import Log


class Killed(Exception):
    pass


class Recorder:
    """Notes the commands instead of running them, and is killed at one of them."""

    def __init__(self, killed_at: str | None) -> None:
        self.commands: list[list[str]] = []
        self.killed_at = killed_at

    def run(self, command: list[str | Path], **_: object) -> None:
        self.commands.append([str(word) for word in command])
        if self.killed_at in self.commands[-1]:
            raise Killed


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here" / ".venv"
    monkeypatch.setattr(python_packages, "VENV", folder)
    (folder / "bin").mkdir(parents=True)
    return folder


def ensure(killed_at: str | None = None) -> list[list[str]]:
    recorder = Recorder(killed_at)
    with suppress(Killed):
        python_packages.ensure(cast(Log, recorder))
    return recorder.commands


def test_what_the_pins_say_is_installed_once(venv: Path) -> None:
    assert [command[1] for command in ensure()] == ["-m", "install"]
    assert ensure() == []


def test_other_pins_change_what_is_there(venv: Path) -> None:
    (venv / "pins.sha256").write_text("of other pins")
    [create, install] = ensure()
    assert "--clear" not in create and install[1] == "install"


@pytest.mark.parametrize(("folder", "anew"), [("here", False), ("elsewhere", True)])
def test_an_environment_that_was_moved_is_made_anew(
    venv: Path, tmp_path: Path, folder: str, anew: bool
) -> None:
    (venv / "bin" / "pip").write_text(f"#!{tmp_path}/{folder}/.venv/bin/python\n")
    (venv / "pins.sha256").write_text("of another folder")
    [create, *_] = ensure()
    assert ("--clear" in create) == anew


@pytest.mark.parametrize("killed_at", ["venv", "install"])
def test_an_environment_whose_making_was_interrupted_is_made_anew(venv: Path, killed_at: str) -> None:
    ensure(killed_at)
    [create, install] = ensure()
    assert "--clear" in create and install[1] == "install"


@pytest.mark.parametrize("killed_at", ["venv", "install"])
def test_an_environment_whose_change_was_interrupted_is_made_anew(venv: Path, killed_at: str) -> None:
    (venv / "pins.sha256").write_text("of other pins")
    ensure(killed_at)
    [create, *_] = ensure()
    assert "--clear" in create
