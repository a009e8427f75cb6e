"""The ssh host key of a node container, which images/node/start makes on the node's volume."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from toolchain.paths import REPOSITORY

START = REPOSITORY / "images" / "node" / "start"
SECONDS = 20


def make_key(own: Path, **environment: str) -> int:
    """Run the part of the script that makes the key; its exit code."""
    [part] = re.findall(r"^key=.*?^fi$", START.read_text(), flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["sh", "-euc", part],
        env={**os.environ, "own": str(own), **environment},
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode


def is_pair(own: Path) -> bool:
    key = own / "ssh_host_ed25519_key"
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return key.with_suffix(".pub").read_text().split()[:2] == public.stdout.split()[:2]


def test_a_node_keeps_the_key_that_it_has(tmp_path: Path) -> None:
    assert make_key(tmp_path) == 0
    assert is_pair(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert make_key(tmp_path) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("lost", ["", ".pub"])
@pytest.mark.parametrize("how", ["empty", "missing"])
def test_a_pair_of_which_a_power_cut_has_left_a_part_is_made_again(
    tmp_path: Path, lost: str, how: str
) -> None:
    make_key(tmp_path)
    file = tmp_path / f"ssh_host_ed25519_key{lost}"
    file.unlink()
    if how == "empty":
        file.touch()
    assert make_key(tmp_path) == 0
    assert is_pair(tmp_path)


@pytest.mark.parametrize("last", ["ssh-keygen", "sync", "mv"])
def test_a_start_that_was_interrupted_leaves_no_half_pair(tmp_path: Path, last: str) -> None:
    """The script is killed after this command."""
    tools, own = tmp_path / "tools", tmp_path / "own"
    for folder in (tools, own):
        folder.mkdir()
    path = os.environ["PATH"]
    (tools / last).write_text(f'#!/bin/sh\nPATH="{path}"\n{last} "$@"\nkill -KILL $PPID\n')
    (tools / last).chmod(0o755)
    assert make_key(own, PATH=f"{tools}:{path}") != 0
    assert not (own / "ssh_host_ed25519_key").exists()
    assert make_key(own) == 0
    assert is_pair(own)
    assert len(list(own.iterdir())) == 2
