"""The node container on a machine where containerd starts slowly, or dies."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import images
from testing.node_options import node_options
from testing.waiting import until

SLOW = """#!/bin/sh
sleep 20 # docker itself gives up after 15
exec /usr/bin/containerd "$@"
"""
ALONE = "NODE_ADDRESS=$(hostname -i); MANAGER_ADDRESS=$NODE_ADDRESS; export NODE_ADDRESS MANAGER_ADDRESS"
TIMEOUT = 120  # seconds


def run(*line: str, check: bool = True) -> str:
    done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0 or not check, f"{line}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """The name of a node's container that has just been started."""
    slow = tmp_path / "containerd"
    slow.write_text(SLOW)
    slow.chmod(0o755)
    name = f"oodt-test-node-{secrets.token_hex(4)}"
    run(
        *("docker", "run", "-d", "--name", name, *node_options(), "-v", "/var/lib/docker"),
        *("-v", f"{slow}:/usr/local/sbin/containerd:ro", "-e", "NODE_ROLE=manager", "-e", "AUTHORIZED_KEY="),
        *("-e", "SHARE=/var/lib/docker/share", "--entrypoint", "sh", images.build("node")),
        *("-c", f"{ALONE}; exec tini -g -- start-node"),
    )
    yield name
    run("docker", "rm", "-f", "-v", name)


def test_a_node_comes_up_where_containerd_is_slow_and_goes_on_when_it_dies(node: str) -> None:
    def answers() -> bool:
        assert run("docker", "inspect", "-f", "{{.State.Running}}", node) == "true"
        return (
            run("docker", "exec", node, "docker", "info", "-f", "{{.Swarm.ControlAvailable}}", check=False)
            == "true"
        )

    until(answers, seconds=TIMEOUT, what="a manager")
    base = images.base()
    with subprocess.Popen(["docker", "save", base], stdout=subprocess.PIPE) as saved:
        load = ["docker", "exec", "-i", node, "docker", "load"]
        subprocess.run(load, stdin=saved.stdout, capture_output=True, check=True, timeout=TIMEOUT)
    run("docker", "exec", node, "docker", "run", "--rm", base, "true")
    run("docker", "exec", node, "pkill", "-KILL", "-x", "containerd")
    runs = ("docker", "exec", node, "docker", "run", "--rm", base, "echo", "runs")
    until(
        lambda: run(*runs, check=False) == "runs", seconds=TIMEOUT, what="a container after a new containerd"
    )
