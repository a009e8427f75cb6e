"""`make destroy` after commands that were interrupted: what is there of the tools, and of the stack."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolchain import destroy, environment, pulumi_cli, python_packages, stack
from toolchain.paths import REPOSITORY
from toolchain.steps import Step

SECONDS = 30
# A Pulumi that has one stack, and notes what else it is told.
PULUMI = """#!/bin/sh
case "$*" in
  version) echo v3.272.0 ;;
  "stack ls --json") echo '[{{"name": "dev"}}]' ;;
  *) echo "$*" >>{calls} ;;
esac
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that a destroy has run, on a machine where nothing is there yet."""
    done: list[str] = []

    def run(chain: Sequence[Step]) -> None:
        done.extend(step.title for step in chain)

    monkeypatch.setattr(destroy, "run_steps", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(stack, "activate", lambda: None)
    monkeypatch.setattr(stack, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(environment, "STATE", tmp_path / "state")
    monkeypatch.setattr(environment, "STACK_SETTINGS", tmp_path / "Pulumi.dev.yaml")
    monkeypatch.setattr(python_packages, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(pulumi_cli, "BIN", tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    for variable in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    return done


def pulumi(folder: Path, *, mode: int = 0o755) -> Path:
    """Install a Pulumi; returns the file where it notes what it was told."""
    program = folder / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI.format(calls=folder / "calls"))
    program.chmod(mode)
    return folder / "calls"


def make_stack(folder: Path) -> None:
    state = folder / "state" / ".pulumi" / "stacks" / "oodt" / "dev.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")


def fill_venv(folder: Path) -> None:
    (folder / ".venv").mkdir()
    (folder / ".venv" / "pins.sha256").touch()


@pytest.mark.parametrize("mode", [None, 0o644])
def test_without_a_pulumi_that_runs_and_without_a_stack_the_engine_is_stopped(
    steps: list[str], tmp_path: Path, mode: int | None
) -> None:
    if mode is not None:
        pulumi(tmp_path, mode=mode)
    destroy.main()
    assert steps == [destroy.STOP_ENGINE.title]


@pytest.mark.parametrize("backend", [None, "s3://somewhere"])
def test_without_a_pulumi_that_runs_what_may_be_a_stack_takes_the_tools_first(
    steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str | None
) -> None:
    fill_venv(tmp_path)
    if backend is None:
        make_stack(tmp_path)
    else:
        monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    with pytest.raises(SystemExit, match="make toolchain"):
        destroy.main()
    assert steps == []


def test_a_stack_whose_python_packages_are_unfinished_takes_the_tools_first(
    steps: list[str], tmp_path: Path
) -> None:
    calls = pulumi(tmp_path)
    with pytest.raises(SystemExit, match="make toolchain"):
        destroy.main()
    assert (steps, calls.exists()) == ([], False)


def test_with_all_tools_the_stack_is_destroyed_and_then_the_engine_is_stopped(
    steps: list[str], tmp_path: Path
) -> None:
    calls = pulumi(tmp_path)
    fill_venv(tmp_path)
    destroy.main()
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["destroy", "stack"]
    assert steps == [destroy.ENGINE.title, destroy.STOP_ENGINE.title]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which nothing was made yet, on a machine with a Python that says what it is to run."""
    folder = tmp_path / "project"
    (folder / "toolchain").mkdir(parents=True)
    shutil.copy(REPOSITORY / "toolchain" / "destroy", folder / "toolchain")
    python(tmp_path / "bin" / "python3", says="the machine's")
    return folder


def python(program: Path, *, says: str) -> None:
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n[ "$1" = -c ] || echo "{says}: $*"\n')
    program.chmod(0o755)


def typed(project: Path) -> str:
    """What `make destroy` prints."""
    path = f"{project.parent}/bin:{os.defpath}"
    line = [project / "toolchain" / "destroy"]
    return subprocess.run(
        line, env={"PATH": path}, capture_output=True, text=True, timeout=SECONDS, check=True
    ).stdout


def test_where_nothing_was_made_nothing_is_done(project: Path) -> None:
    assert typed(project) == "Nothing was ever made here.\n"


def test_what_was_made_is_removed_by_the_projects_python(project: Path) -> None:
    python(project / ".venv" / "bin" / "python", says="the project's")
    assert typed(project) == "the project's: -m toolchain.destroy\n"


def test_what_was_made_before_there_was_a_python_of_the_projects_is_removed_by_the_machines(
    project: Path,
) -> None:
    (project / ".toolchain").mkdir()
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to("python3")  # venv makes the one before the other
    assert typed(project) == "the machine's: -m toolchain.destroy\n"
