"""When `.venv` is made, made anew, and left as it is."""

import sys
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


def assert_made_anew(commands: list[list[str]]) -> None:
    [create, install] = commands
    assert create[1:4] == ["-m", "venv", "--clear"] and install[1] == "install"


@pytest.mark.usefixtures("venv")
def test_what_the_pins_say_is_installed_once() -> None:
    assert [command[1] for command in ensure()] == ["-m", "install"]
    assert ensure() == []


@pytest.mark.usefixtures("venv")
def test_other_pins_make_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ensure()
    monkeypatch.setattr(python_packages, "PINS", ("requirements.txt",))
    assert_made_anew(ensure())


@pytest.mark.usefixtures("venv")
def test_another_python_makes_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell with another PATH is enough. What two Pythons made in one folder runs, and lacks modules."""
    ensure()
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert_made_anew(ensure())


def test_another_folder_makes_it_anew(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure()
    moved = venv.rename(venv.with_name("moved"))
    monkeypatch.setattr(python_packages, "VENV", moved)
    assert_made_anew(ensure())


@pytest.mark.parametrize("killed_at", ["venv", "install"])
@pytest.mark.usefixtures("venv")
def test_an_environment_whose_making_was_interrupted_is_made_anew(killed_at: str) -> None:
    ensure(killed_at)
    assert_made_anew(ensure())


@pytest.mark.parametrize("killed_at", ["venv", "install"])
def test_an_environment_whose_change_was_interrupted_is_made_anew(venv: Path, killed_at: str) -> None:
    (venv / "pins.sha256").write_text("of other pins")
    ensure(killed_at)
    assert_made_anew(ensure())
