"""The way to a docker daemon: its socket, or the openssh client for ``ssh://USER@ADDRESS:PORT``."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import docker
import requests

DEFAULT_HOST = "unix:///var/run/docker.sock"
DESKTOP_SOCKETS = (".docker/run/docker.sock", ".docker/desktop/docker.sock")  # below the user's home
CONNECTIONS = 8  # at once; sshd's default MaxStartups begins to refuse at 10
ANSWER_TIMEOUT = 120  # seconds until an answer begins
STREAM_TIMEOUT = 3600  # seconds without a line of a build or push
CONNECT_TIMEOUT = 30  # seconds, unless the given ssh options say otherwise


class UnreachableError(RuntimeError):
    """The daemon does not answer; the message has the address and the reason."""


def default_host() -> str:
    """Where the docker command would look: DOCKER_HOST, the system's socket, or Docker Desktop's."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    if not Path(urlsplit(DEFAULT_HOST).path).exists():
        for candidate in DESKTOP_SOCKETS:
            if (path := Path.home() / candidate).exists():
                return f"unix://{path}"
    return DEFAULT_HOST


class SshTunnel:
    """A local socket; each connection to it is one ``ssh ... docker system dial-stdio``.

    The accepted socket itself becomes the standard input and output of ssh, so nothing is copied here.
    """

    def __init__(self, host: str, options: tuple[str, ...]) -> None:
        url = urlsplit(host)
        user = ["-l", url.username] if url.username else []
        port = ["-p", str(url.port)] if url.port else []
        self._command = [
            *(
                "ssh",
                *options,
                "-o",
                f"ConnectTimeout={CONNECT_TIMEOUT}",
                "-o",
                "BatchMode=yes",
                *user,
                *port,
            ),
            *("--", url.hostname or "", "docker", "system", "dial-stdio"),
        ]
        self._folder = tempfile.TemporaryDirectory(prefix="docker-provider-")
        self._complaints = Path(self._folder.name) / "ssh.log"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen(2 * CONNECTIONS)
        self._processes: list[subprocess.Popen[bytes]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def socket(self) -> Path:
        return Path(self._folder.name) / "docker.sock"

    def complaints(self) -> str:
        """The last lines that ssh wrote on its standard error."""
        with contextlib.suppress(FileNotFoundError):
            return "; ".join(self._complaints.read_text(errors="replace").splitlines()[-3:])
        return ""

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            self._processes = [process for process in self._processes if process.poll() is None]
            with connection, self._complaints.open("ab") as log:
                self._processes.append(
                    subprocess.Popen(self._command, stdin=connection, stdout=connection, stderr=log)
                )


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A docker daemon that is first contacted when it is first needed, so that a preview needs none."""

    host: str = field(default_factory=default_host)
    ssh_options: tuple[str, ...] = ()

    @cached_property
    def api(self) -> docker.APIClient:
        return self._connect(ANSWER_TIMEOUT)

    @cached_property
    def stream_api(self) -> docker.APIClient:
        """For builds and pushes, which may be silent for long."""
        return self._connect(STREAM_TIMEOUT)

    @cached_property
    def _tunnel(self) -> SshTunnel | None:
        return SshTunnel(self.host, self.ssh_options) if self.host.startswith("ssh://") else None

    def _connect(self, timeout: int) -> docker.APIClient:
        tunnel = self._tunnel
        try:
            return docker.APIClient(
                base_url=f"unix://{tunnel.socket}" if tunnel else self.host,
                version="auto",
                timeout=timeout,
                max_pool_size=CONNECTIONS,
            )
        except (docker.errors.DockerException, requests.RequestException) as error:
            reason = (tunnel.complaints() if tunnel else "") or str(error)
            raise UnreachableError(f"docker at {self.host} does not answer: {reason}") from error
