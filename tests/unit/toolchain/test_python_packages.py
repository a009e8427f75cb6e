"""When `.venv` is made, made anew, and left as it is."""

from pathlib import Path
from typing import cast

import pytest

from toolchain import python_packages
from toolchain.steps import Log


class Recorder:
    """Notes the commands instead of running them."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def run(self, command: list[str | Path], **_: object) -> None:
        self.commands.append([str(word) for word in command])


def ensure(venv: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    monkeypatch.setattr(python_packages, "VENV", venv)
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    recorder = Recorder()
    python_packages.ensure(cast(Log, recorder))
    return recorder.commands


def test_what_the_pins_say_is_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [command[1] for command in ensure(tmp_path / ".venv", monkeypatch)] == ["-m", "install"]
    assert ensure(tmp_path / ".venv", monkeypatch) == []


@pytest.mark.parametrize(("folder", "anew"), [("here", False), ("elsewhere", True)])
def test_an_environment_that_was_moved_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, anew: bool
) -> None:
    venv = tmp_path / "here" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "pip").write_text(f"#!{tmp_path}/{folder}/.venv/bin/python\n")
    [create, _] = ensure(venv, monkeypatch)
    assert ("--clear" in create) == anew
