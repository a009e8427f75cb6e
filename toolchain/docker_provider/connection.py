"""The way to a docker daemon: its socket, or the openssh client for ``ssh://USER@ADDRESS:PORT``."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

import docker
import requests

DEFAULT_HOST = "unix:///var/run/docker.sock"
DESKTOP_SOCKETS = (".docker/run/docker.sock", ".docker/desktop/docker.sock")  # below the user's home
CONNECTIONS = 8  # at once; sshd's default MaxStartups begins to refuse at 10
ANSWER_TIMEOUT = 600  # seconds until an answer begins; a plugin does not know the stack's patience
STREAM_TIMEOUT = 3600  # seconds without a line of a build or push
CONNECT_TIMEOUT = 30  # seconds, unless the given ssh options say otherwise


class UnreachableError(RuntimeError):
    """The daemon does not answer; the message has the address and the reason."""


def default_host() -> str:
    """The docker command's own default: DOCKER_HOST, the system's socket, or Docker Desktop's."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    if not Path(urlsplit(DEFAULT_HOST).path).exists():
        for candidate in DESKTOP_SOCKETS:
            if (path := Path.home() / candidate).exists():
                return f"unix://{path}"
    return DEFAULT_HOST


def host_of(netloc: str) -> str:
    """The host as it was written: urlsplit makes it lower case, but ssh's aliases Host0 and host0 differ."""
    place = netloc.rpartition("@")[2]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


class CancelledError(RuntimeError):
    """The user has interrupted the update."""


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
            *("--", host_of(url.netloc), "docker", "system", "dial-stdio"),
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
                end = connection.fileno()
                self._processes.append(subprocess.Popen(self._command, stdin=end, stdout=end, stderr=log))


class Daemon:
    """A docker daemon. The first request opens the connection, so a preview needs no daemon."""

    def __init__(self, host: str, ssh_options: tuple[str, ...] = ()) -> None:
        self.host = host
        self._ssh_options = ssh_options
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._tunnel: SshTunnel | None = None
        self._clients: dict[int, docker.APIClient] = {}

    def cancel(self) -> None:
        """End all waits for docker."""
        self._cancelled.set()

    def pause(self, seconds: float) -> None:
        """Wait before the next request to docker; raises CancelledError."""
        if self._cancelled.wait(seconds):
            raise CancelledError("the update was cancelled")

    @property
    def api(self) -> docker.APIClient:
        return self._client(ANSWER_TIMEOUT)

    @property
    def stream_api(self) -> docker.APIClient:
        """For builds and pushes, which may send nothing for a long time."""
        return self._client(STREAM_TIMEOUT)

    def _client(self, timeout: int) -> docker.APIClient:
        with self._lock:
            if timeout not in self._clients:
                self._clients[timeout] = self._connect(timeout)
            return self._clients[timeout]

    def _connect(self, timeout: int) -> docker.APIClient:
        if self.host.startswith("ssh://") and self._tunnel is None:
            self._tunnel = SshTunnel(self.host, self._ssh_options)
        address = f"unix://{self._tunnel.socket}" if self._tunnel else self.host
        try:
            return docker.APIClient(address, version="auto", timeout=timeout, max_pool_size=CONNECTIONS)
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> UnreachableError:
        """The error of a connection that failed, with the messages of ssh."""
        reason = (self._tunnel.complaints() if self._tunnel else "") or str(error)
        return UnreachableError(f"docker at {self.host} does not answer: {reason}")
