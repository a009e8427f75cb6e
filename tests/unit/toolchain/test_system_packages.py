"""Debian packages that a machine lacks, also where an installation was cut short before."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest

from toolchain import system_packages
from toolchain.steps import Log

REPAIR = "dpkg --configure -a"


class Machine:
    """A machine whose apt installs nothing until dpkg has finished what was cut short."""

    def __init__(self, *, repairs: bool = True) -> None:
        self.commands: list[str] = []
        self.repairs = repairs

    def run(self, command: list[str | Path], **_: object) -> None:
        line = " ".join(map(str, command))
        self.commands.append(line)
        broken = line == REPAIR and not self.repairs
        if broken or (line.startswith("apt-get install") and REPAIR not in self.commands):
            raise subprocess.CalledProcessError(100, line)


@pytest.fixture(autouse=True)
def debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "ssh" else f"/usr/bin/{name}")


@pytest.mark.parametrize("repairs", [True, False])
def test_what_was_cut_short_is_finished_before_anything_is_installed(repairs: bool) -> None:
    machine = Machine(repairs=repairs)
    outcome = system_packages.ensure({"ssh": ("openssh-client",)}, cast(Log, machine))
    assert outcome == "installed openssh-client"


def test_where_nothing_is_missing_nothing_is_run() -> None:
    machine = Machine()
    assert system_packages.ensure({"docker": ("docker.io",)}, cast(Log, machine)) == "all there"
    assert machine.commands == []
