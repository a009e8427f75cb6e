"""A swarm of one node in a container on this machine's docker, reached over ssh."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testing import images
from testing.node_options import node_options

START_TIMEOUT = 120  # seconds until the node is a swarm manager
COMMAND_TIMEOUT = 600  # seconds
SCRIPT = (
    "export NODE_ADDRESS=$(hostname -i); export MANAGER_ADDRESS=$NODE_ADDRESS; exec tini -g -- start-node"
)


def run(*command: str, stdin: bytes = b"", timeout: float = COMMAND_TIMEOUT) -> str:
    """The command's output; its error output is in the exception when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}"
        )
    return done.stdout.decode(errors="replace").strip()


@dataclass(frozen=True, kw_only=True)
class Node:
    address: str
    ssh_options: tuple[str, ...]

    @property
    def host(self) -> str:
        return f"ssh://root@{self.address}:22"

    @property
    def registry(self) -> str:
        return f"{self.address}:5000"

    def run(self, *command: str, stdin: bytes = b"", timeout: float = COMMAND_TIMEOUT) -> str:
        return run("ssh", *self.ssh_options, f"root@{self.address}", *command, stdin=stdin, timeout=timeout)

    def docker(self, *arguments: str) -> str:
        return self.run("docker", *arguments)

    def load(self, image: str) -> None:
        """Copy an image of this machine's docker to the node's."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
            subprocess.run(
                ["ssh", *self.ssh_options, f"root@{self.address}", "docker", "load", "-q"],
                stdin=save.stdout,
                stdout=subprocess.DEVNULL,
                timeout=COMMAND_TIMEOUT,
                check=True,
            )


@contextmanager
def swarm_node(keys: Path) -> Iterator[Node]:
    """Start the node; its container and volume go at the end."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "key"))
    name = f"contract-{uuid.uuid4().hex[:8]}"
    run(
        *("docker", "run", "-d", "--name", name, *node_options(), "-v", "/var/lib/docker"),
        *("-e", "NODE_ROLE=manager", "-e", "SHARE=/var/lib/docker/share"),
        *("-e", f"AUTHORIZED_KEY={(keys / 'key.pub').read_text().strip()}"),
        *("--entrypoint", "sh", images.build("node"), "-c", SCRIPT),
    )
    try:
        address = run("docker", "inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)
        options = ["-i", str(keys / "key"), "-o", f"UserKnownHostsFile={keys / 'known_hosts'}"]
        options += [
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "IdentitiesOnly=yes",
        ]
        node = Node(address=address, ssh_options=tuple(options))
        _await_swarm(node, name)
        yield node
    finally:
        run("docker", "rm", "-f", "-v", name)


def _await_swarm(node: Node, name: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            if node.docker("info", "--format", "{{.Swarm.ControlAvailable}}") == "true":
                return
        except RuntimeError:
            pass  # sshd or docker is not up yet
        if time.monotonic() > deadline:
            logs = run("docker", "logs", "--tail", "30", name)
            raise TimeoutError(f"the node is no swarm manager after {START_TIMEOUT} s: {logs}")
        time.sleep(0.5)
