"""ssh to a host: how it authenticates, and commands with a time limit."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from infra import patience

# Seconds of a usual machine.
CONNECT_TIMEOUT = 10
DOCKER_TIMEOUT = 30  # for one docker command
DEFAULT_PORT = 22
HOST_KEY_FILE = "/var/lib/docker/node/ssh_host_ed25519_key.pub"  # of a node container: images/node/start
CONNECTION_FAILED = 255  # ssh's exit code where it is not the command's
# What ssh says if sshd has too many connections that have not logged in yet, or has no time for this one.
TURNED_AWAY = ("kex_exchange_identification", "during banner exchange")
TURNED_AWAY_PAUSE = 1  # seconds
# What docker says while the swarm's manager is too slow for its own limits, or has only just started.
TOO_SLOW = ("code = DeadlineExceeded", "context deadline exceeded", "does not have a leader")
CONFIGURATION = "OODT_SSH_CONFIG"  # environment: the operator's ssh configuration, if not at its usual place
# Ends the host in a docker_host if that is a container of the user's docker. Docker brings ssh to it: that
# needs no route to the container and no port, and works wherever docker is.
CONTAINER = ".container"
CONTAINERS_CONFIGURATION = f"""\
# Written by pulumi up. Nodes are containers: ssh reaches them through docker and not through the network.
Host *{CONTAINER}
  ProxyCommand docker exec --interactive $(basename %h {CONTAINER}) /usr/sbin/sshd -i
"""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How ssh authenticates: by the stack's own key and known hosts, or by what the operator has set up.

    ``folder`` has the stack's files, is ignored by git, and is relative to the project, where the engine and
    its plugins work, so that a project may be moved. It is empty for hosts that are not the stack's: there
    the operator's ssh configuration, agent and known hosts count. Their place is no setting of the stack, so
    that several operators can share one.
    """

    folder: str

    @property
    def key_file(self) -> Path:
        return Path(self.folder) / "id_ed25519"

    @property
    def known_hosts_file(self) -> Path:
        return Path(self.folder) / "known_hosts"

    @property
    def configuration_file(self) -> Path:
        """For hosts that are containers."""
        return Path(self.folder) / "config"

    def knows(self, hosts: str) -> bool:
        """Whether the stack's file of known hosts is there and has this content."""
        return _has(self.known_hosts_file, hosts)

    def reaches_containers(self) -> bool:
        """Whether the stack's ssh configuration for containers is there."""
        return _has(self.configuration_file, CONTAINERS_CONFIGURATION)

    def options(self, docker_host: str) -> list[str]:
        """Options for the ssh command, which asks no questions and trusts only known hosts."""
        through_docker = ["-F", str(self.configuration_file)] if _is_container(docker_host) else []
        return [
            *through_docker,
            *(self._stack_options() if self.folder else _operator_options()),
            *("-o", "BatchMode=yes"),
            *("-o", f"ConnectTimeout={round(patience.stretched(CONNECT_TIMEOUT))}"),
            *("-o", "LogLevel=ERROR"),
        ]

    def _stack_options(self) -> list[str]:
        return [
            *("-i", str(self.key_file)),
            *("-o", f"UserKnownHostsFile={self.known_hosts_file}"),
            *("-o", "GlobalKnownHostsFile=/dev/null"),
            *("-o", "StrictHostKeyChecking=yes"),
            *("-o", "IdentitiesOnly=yes"),
        ]

    def login_options(self, docker_host: str) -> list[str]:
        """Options for an ssh command that a person types, in any folder."""
        if not self.folder:
            return _operator_options()
        through_docker = ["-F", str(self.configuration_file.resolve())] if _is_container(docker_host) else []
        known_hosts = self.known_hosts_file.resolve()
        key = str(self.key_file.resolve())
        return [*through_docker, "-i", key, "-o", f"UserKnownHostsFile={known_hosts}"]


def _has(file: Path, content: str) -> bool:
    return file.exists() and file.read_text() == content


def _operator_options() -> list[str]:
    configuration = os.environ.get(CONFIGURATION)
    return ["-F", configuration] if configuration else []


class Place(NamedTuple):
    """Where ssh logs in. Without a port the operator's own configuration may name one."""

    user: str
    host: str
    port: int | None


def place(docker_host: str) -> Place:
    """The parts of ``ssh://USER@HOST[:PORT]``, in capitals as written: to ssh, Host0 is not host0."""
    url = urlsplit(docker_host or "")  # None under mocks
    user, _, rest = url.netloc.rpartition("@")
    return Place(user, rest.partition(":")[0], url.port)


def container_host(name: str) -> str:
    """The host that stands for a container of the user's docker."""
    return f"{name}{CONTAINER}"


def _is_container(docker_host: str) -> bool:
    return place(docker_host).host.endswith(CONTAINER)


def host_name(identity: Identity, docker_host: str) -> str:
    """What ssh connects to: HOST itself, or the name that the operator's configuration gives for HOST.

    Empty if ssh does not say.
    """
    line = [*command(identity, docker_host), "true"]
    asked = subprocess.run(
        [line[0], "-G", *line[1:]],
        capture_output=True,
        text=True,
        timeout=patience.stretched(CONNECT_TIMEOUT),
        check=False,
    )
    said = dict(line.partition(" ")[::2] for line in asked.stdout.splitlines())
    return said.get("hostname", "")


def login_line(identity: Identity, docker_host: str, ports: Sequence[int] = ()) -> str:
    """What a person types to log in on docker's host, or to forward these ports of it without a login."""
    user, host, port = place(docker_host)
    words = ["ssh", *identity.login_options(docker_host)]
    if port not in (None, DEFAULT_PORT):
        words += ["-p", str(port)]
    if ports:
        words += ["-N", *(word for port in ports for word in ("-L", f"{port}:localhost:{port}"))]
    return shlex.join([*words, f"{user}@{host}"])


def command(identity: Identity, docker_host: str) -> list[str]:
    """The ssh command for the host of ``ssh://USER@ADDRESS[:PORT]``, without the command to run there."""
    user, host, port = place(docker_host)
    return ["ssh", *identity.options(docker_host), *(["-p", str(port)] if port else []), f"{user}@{host}"]


class RemoteError(RuntimeError):
    """A command on a node that failed or did not end in time; the message has the end of what it wrote."""


class UnreachableError(RemoteError):
    """ssh itself failed, or the command did not end in time: the host may not even have begun with it."""


def run(
    identity: Identity,
    docker_host: str,
    script: str,
    *,
    timeout: float,
    stdin: bytes = b"",
    again_at: Sequence[str] = (),
) -> str:
    """Run a shell command on the host of ``ssh://USER@ADDRESS[:PORT]`` and return its standard output.

    ``timeout`` is in seconds of a usual machine, for connection and command together. A command that fails
    with some of the words of ``again_at`` is run again within that time. Raises RemoteError.
    """
    limit = patience.stretched(timeout)
    host, deadline = place(docker_host).host, time.monotonic() + limit
    line = [*command(identity, docker_host), script]
    while True:
        try:
            done = subprocess.run(
                line, input=stdin, capture_output=True, timeout=deadline - time.monotonic(), check=False
            )
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"{host} did not finish within {limit:g} s: {script}") from None
        if done.returncode == 0:
            return done.stdout.decode(errors="replace")
        words = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        failed = done.returncode == CONNECTION_FAILED
        passes = turned_away(words) if failed else any(said in words for said in again_at)
        if not (passes and time.monotonic() + TURNED_AWAY_PAUSE < deadline):
            kind = UnreachableError if failed else RemoteError
            raise kind(f"{host}: exit {done.returncode}: {words or script}")
        time.sleep(TURNED_AWAY_PAUSE)


def turned_away(words: str) -> bool:
    """Whether ssh says that it got no answer in time from an sshd that is there: the command did not run."""
    return any(said in words for said in TURNED_AWAY)


def docker(identity: Identity, docker_host: str, command: str) -> str:
    """Run one of the host's docker commands that answer at once, and return its standard output.

    It may be run again, where a busy swarm has not answered. Raises RemoteError.
    """
    return run(identity, docker_host, f"docker {command}", timeout=DOCKER_TIMEOUT, again_at=TOO_SLOW)


def container_key(name: str) -> str:
    """The line for a known_hosts file of a node container, as its own disk has it. Raises RemoteError."""
    done = subprocess.run(
        ["docker", "exec", name, "cat", HOST_KEY_FILE],
        capture_output=True,
        timeout=patience.stretched(DOCKER_TIMEOUT),
        check=False,
    )
    words = done.stdout.decode(errors="replace").split()
    if done.returncode:
        raise UnreachableError(f"{name}: {done.stderr.decode(errors='replace').strip()}")
    return f"{container_host(name)} {words[0]} {words[1]}"
