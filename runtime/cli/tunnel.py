"""Forwards a port of this machine to a service, for a cluster that lets in ssh only."""

import atexit
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from urllib.parse import urlsplit, urlunsplit

from runtime.cli import ssh

OPEN_SECONDS = 30.0
RETRY_SECONDS = 2.0
POLL_SECONDS = 0.05


class TunnelError(Exception):
    """ssh cannot connect. The text has what it printed, and the command line to try by hand."""


def through(login: str, url: str, *, patience: float) -> str:
    """The URL at which this process reaches a service on the host of an ssh command line; raises TunnelError.

    PATIENCE is the factor of the time limits. The tunnel lasts as long as the process. When it breaks, it is
    opened again on the same port.
    """
    parts = urlsplit(url)
    assert parts.port is not None
    port = _Tunnel(shlex.split(login), parts.port, patience).port
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))


class _Tunnel:
    def __init__(self, login: list[str], remote_port: int, patience: float) -> None:
        self.port = _free_port()
        self._open_seconds = OPEN_SECONDS * patience
        options = ["-oBatchMode=yes", "-oExitOnForwardFailure=yes", *ssh.limits(patience)]
        forward = ["-L", f"127.0.0.1:{self.port}:localhost:{remote_port}"]
        # cat ends however this process ends, and the tunnel ends with it.
        self._line = [login[0], *options, *forward, *login[1:], "cat"]
        self._login = login
        self._closed = threading.Event()
        self._open()
        atexit.register(self._close)
        threading.Thread(target=self._keep, name="tunnel", daemon=True).start()

    def _open(self) -> None:
        with tempfile.TemporaryFile("w+", errors="replace") as printed:
            # Ctrl-C must not end ssh: this process may still have to send something to the broker.
            self._ssh = subprocess.Popen(
                self._line,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=printed,
                start_new_session=True,
            )
            deadline = time.monotonic() + self._open_seconds
            while not self._listens():
                if self._ssh.poll() is not None or time.monotonic() > deadline:
                    self._ssh.kill()
                    self._ssh.wait()
                    printed.seek(0)
                    complaint = printed.read().strip() or f"no connection within {self._open_seconds:g} s"
                    raise TunnelError(
                        f"no ssh tunnel to the cluster: {complaint}\ntry: {shlex.join(self._login)}"
                    )
                time.sleep(POLL_SECONDS)

    def _listens(self) -> bool:
        """ssh listens once it has logged in."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _keep(self) -> None:
        while not self._closed.is_set():
            self._ssh.wait()
            if self._closed.wait(RETRY_SECONDS):
                return
            try:
                self._open()
            except TunnelError:
                continue

    def _close(self) -> None:
        self._closed.set()
        self._ssh.kill()
        self._ssh.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
