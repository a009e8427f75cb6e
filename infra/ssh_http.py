"""HTTP through an ssh command: this side has one end of a pair of sockets, ssh has the other."""

from __future__ import annotations

import http.client
import socket
import subprocess
from collections.abc import Sequence
from tempfile import TemporaryFile

from infra import patience, ssh

STOP_TIMEOUT = 5  # seconds for ssh to end once its connection is closed
BLOCK = 8192  # bytes, as http.client sends


class SshConnection(http.client.HTTPConnection):
    """``host`` is what the server is called in requests; ``line`` is the ssh command that reaches it."""

    def __init__(
        self, host: str, line: Sequence[str], *, timeout: float = ssh.DOCKER_TIMEOUT, blocksize: int = BLOCK
    ) -> None:
        """``timeout`` is in seconds of a usual machine."""
        super().__init__(host, timeout=patience.stretched(timeout), blocksize=blocksize)
        self._line = line
        self._said = TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        self.sock, end = socket.socketpair()
        self.sock.settimeout(self.timeout)
        with end:
            pipe = end.fileno()
            self._process = subprocess.Popen(self._line, stdin=pipe, stdout=pipe, stderr=self._said)

    def close(self) -> None:
        super().close()
        if self._process is not None:
            try:
                self._process.wait(patience.stretched(STOP_TIMEOUT))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def end(self) -> None:
        """Close it for good."""
        self.close()
        self._said.close()

    def complaint(self) -> str:
        """What ssh has said on its standard error since the last time."""
        self._said.seek(0)
        words = self._said.read().decode(errors="replace").strip()
        self._said.seek(0)
        self._said.truncate()
        return words
