"""The way to a service of a cluster that lets nobody in but by ssh: a port of this machine, forwarded."""

import atexit
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from urllib.parse import urlsplit, urlunsplit

OPEN_SECONDS = 30.0
CONNECT_SECONDS = 10
ALIVE_SECONDS = 15  # a tunnel whose other end says nothing three times is opened anew
RETRY_SECONDS = 2.0
POLL_SECONDS = 0.05

OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": CONNECT_SECONDS,
    "ExitOnForwardFailure": "yes",
    "ServerAliveInterval": ALIVE_SECONDS,
}


class TunnelError(Exception):
    """ssh does not get through; the text has its last words and the line to try by hand."""


def through(login: str, url: str) -> str:
    """The URL of a service on the host of an ssh command line, as this process reaches it.

    The tunnel lasts as long as the process, and is opened anew on the same port when it breaks. Raises
    TunnelError.
    """
    parts = urlsplit(url)
    assert parts.port is not None
    port = _Tunnel(shlex.split(login), parts.port).port
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))


class _Tunnel:
    def __init__(self, login: list[str], remote_port: int) -> None:
        self.port = _free_port()
        options = [word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value}")]
        forward = ["-L", f"127.0.0.1:{self.port}:localhost:{remote_port}"]
        # cat ends with this process, however that ends, and the tunnel with it.
        self._line = [login[0], *options, *forward, *login[1:], "cat"]
        self._login = login
        self._closed = threading.Event()
        self._open()
        atexit.register(self._close)
        threading.Thread(target=self._keep, name="tunnel", daemon=True).start()

    def _open(self) -> None:
        with tempfile.TemporaryFile("w+") as words:
            # Ctrl-C is for this process, which may still have to tell the broker something.
            self._ssh = subprocess.Popen(
                self._line,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,
            )
            deadline = time.monotonic() + OPEN_SECONDS
            while not self._listens():
                if self._ssh.poll() is not None or time.monotonic() > deadline:
                    self._ssh.kill()
                    self._ssh.wait()
                    words.seek(0)
                    complaint = words.read().strip() or f"no connection within {OPEN_SECONDS:g} s"
                    raise TunnelError(
                        f"no ssh tunnel to the cluster: {complaint}\ntry: {shlex.join(self._login)}"
                    )
                time.sleep(POLL_SECONDS)

    def _listens(self) -> bool:
        """ssh listens once the other end has let it in."""
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
