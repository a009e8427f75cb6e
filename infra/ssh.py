"""Reaching a node: the stack's own key and known hosts, and commands run over ssh with a time limit."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_TIMEOUT = 10  # seconds
DOCKER_TIMEOUT = 30  # seconds for one docker command


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Files that make up the stack's side of a connection, in a folder that git ignores.

    ``folder`` is relative to the project, where the engine and its plugins work: to them, a project that is
    moved is the same.
    """

    folder: str

    @property
    def key_file(self) -> Path:
        return Path(self.folder) / "id_ed25519"

    @property
    def known_hosts_file(self) -> Path:
        return Path(self.folder) / "known_hosts"

    def options(self) -> list[str]:
        """Options for the ssh command: only this key, only hosts that the stack knows, never a question."""
        return [
            *("-i", str(self.key_file)),
            *("-o", f"UserKnownHostsFile={self.known_hosts_file}"),
            *("-o", "GlobalKnownHostsFile=/dev/null"),
            *("-o", "StrictHostKeyChecking=yes"),
            *("-o", "IdentitiesOnly=yes"),
            *("-o", "BatchMode=yes"),
            *("-o", f"ConnectTimeout={CONNECT_TIMEOUT}"),
            *("-o", "LogLevel=ERROR"),
        ]


def login_line(identity: Identity, docker_host: str, ports: Sequence[int] = ()) -> str:
    """What a person types to log in where docker is, or only to bring these ports of it to his machine."""
    url = urlsplit(docker_host)
    known_hosts = identity.known_hosts_file.resolve()
    words = ["ssh", "-i", str(identity.key_file.resolve()), "-o", f"UserKnownHostsFile={known_hosts}"]
    if ports:
        words += ["-N", *(word for port in ports for word in ("-L", f"{port}:localhost:{port}"))]
    return shlex.join([*words, f"{url.username}@{url.hostname}"])


class RemoteError(RuntimeError):
    """A command on a node that failed or did not end in time; the message has the end of what it wrote."""


def run(identity: Identity, docker_host: str, command: str, *, timeout: float, stdin: bytes = b"") -> str:
    """Run a shell command on the host of ``ssh://USER@ADDRESS:PORT`` and return its standard output.

    ``timeout`` is in seconds, for connection and command together. Raises RemoteError.
    """
    url = urlsplit(docker_host)
    line = ["ssh", *identity.options(), "-p", str(url.port or 22), f"{url.username}@{url.hostname}", command]
    try:
        done = subprocess.run(line, input=stdin, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise RemoteError(f"{url.hostname} did not finish within {timeout:g} s: {command}") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise RemoteError(f"{url.hostname}: exit {done.returncode}: {words or command}")
    return done.stdout.decode(errors="replace")


def docker(identity: Identity, docker_host: str, command: str) -> str:
    """Run one of the host's docker commands that answer at once, and return its standard output.

    Raises RemoteError.
    """
    return run(identity, docker_host, f"docker {command}", timeout=DOCKER_TIMEOUT)


def host_keys(address: str, port: int = 22) -> str:
    """Lines for a known_hosts file, as the host offers them now; empty while its sshd does not answer."""
    done = subprocess.run(
        ["ssh-keyscan", "-T", "3", "-t", "ed25519", "-p", str(port), address],
        capture_output=True,
        timeout=2 * CONNECT_TIMEOUT,
        check=False,
    )
    return "\n".join(line for line in done.stdout.decode().splitlines() if line and not line.startswith("#"))
