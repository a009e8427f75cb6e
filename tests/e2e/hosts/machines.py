"""Machines for tests of target hosts: containers with docker and sshd, and a disk that some of them share."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from testing import images
from testing.node_options import node_options
from testing.waiting import until
from toolchain.paths import REPOSITORY

HERE = REPOSITORY / "tests" / "e2e" / "hosts"
SHARE = "/shared-data"


def run(*line: str, timeout: float = 120, check: bool = True) -> str:
    done = subprocess.run(line, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_image(suite: str | None = None) -> str:
    """The image of a machine, of a release of Debian if that is not the one of all tests."""
    base = images.base() if suite is None else images.debian(suite)
    tag = "-".join(filter(None, ("oodt-test-hosts", suite)))
    images.build_file(tag, str(HERE / "Dockerfile"), context=str(HERE), BASE=base)
    return tag


def fixes(text: str, words: str) -> list[str]:
    """What the check of target hosts says to type, of the fixes that contain these words."""
    return [line.partition("do both: ")[2] for line in text.splitlines() if "fix: " in line and words in line]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One container."""

    container: str
    name: str
    address: str

    @property
    def url(self) -> str:
        return f"ssh://scientist@{self.address}"

    def run(self, command: str, *, check: bool = True) -> str:
        """Run a shell command as root."""
        return run("docker", "exec", self.container, "sh", "-c", command, check=check)

    def answers(self) -> bool:
        return "Server Version" in self.run("docker info", check=False)

    def docker_info(self, field: str) -> str:
        return self.run(f"docker info --format '{{{{.{field}}}}}'").strip()

    def swarm_state(self) -> str:
        return self.docker_info("Swarm.LocalNodeState")


@dataclass(kw_only=True)
class Room:
    """A network, a shared disk and the machines; ``close`` removes all of them."""

    name: str
    subnet: IPv4Network
    folder: Path
    machines: list[Machine] = field(default_factory=list)

    def open(self) -> None:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        self.configuration.write_text(
            f"Host *\n  IdentityFile {self.folder}/key\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.folder}/known_hosts\n"
        )
        run("docker", "network", "create", "--subnet", str(self.subnet), self.name)
        run("docker", "volume", "create", self.name)

    @property
    def configuration(self) -> Path:
        """The operator's ssh configuration."""
        return self.folder / "config"

    def close(self) -> None:
        for machine in self.machines:
            run("docker", "rm", "-f", "-v", machine.container, check=False)
        run("docker", "volume", "rm", self.name, check=False)
        run("docker", "network", "rm", self.name, check=False)

    def start(self, name: str, image: str, *, shares: bool = True) -> Machine:
        """Start a machine, without waiting for it."""
        address = str(self.subnet[len(self.machines) + 10])
        container = f"{self.name}-{name}"
        key = (self.folder / "key.pub").read_text().strip()
        options = [
            *("--name", container, "--hostname", name, "--network", self.name, "--ip", address),
            *node_options(),
            *("-v", "/var/lib/docker"),
            *(["-v", f"{self.name}:{SHARE}"] if shares else []),
            *("-e", f"AUTHORIZED_KEY={key}"),
        ]
        run("docker", "run", "-d", *options, image)
        machine = Machine(container=container, name=name, address=address)
        self.machines.append(machine)
        return machine

    def wait(self) -> None:
        """Wait until all machines answer, and record their host keys, as a first login does."""
        for machine in self.machines:
            until(machine.answers, what=f"docker on {machine.name}")
        keys = run("ssh-keyscan", "-t", "ed25519", *(machine.address for machine in self.machines))
        (self.folder / "known_hosts").write_text(keys)
