"""Docker's API on a host over one ssh connection, for callers that poll.

An ssh login and a docker command take a tenth of a second of processor time each, on both sides.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from infra import ssh
from infra.ssh import Identity

STOP_TIMEOUT = 5  # seconds for ssh to end once its connection is closed


class _Connection(http.client.HTTPConnection):
    """HTTP through an ssh command: this side has one end of a pair of sockets, ssh has the other."""

    def __init__(self, line: Sequence[str]) -> None:
        super().__init__("docker", timeout=ssh.DOCKER_TIMEOUT)
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
                self._process.wait(STOP_TIMEOUT)
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


class DockerApi:
    """Reads what docker tells on the host of ``ssh://USER@ADDRESS[:PORT]``; use it as a context manager."""

    def __init__(self, identity: Identity, docker_host: str) -> None:
        self._host = ssh.place(docker_host).host
        line = [*ssh.command(identity, docker_host), "docker", "system", "dial-stdio"]
        self._connection = _Connection(line)

    def __enter__(self) -> DockerApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.end()

    def get(self, path: str, filters: Mapping[str, Sequence[str]] | None = None) -> Any:
        """What is at ``path``, decoded; raises RemoteError where docker refuses, UnreachableError.

        ``filters`` are docker's own; several values of one filter mean any of them.
        """
        query = "?" + urlencode({"filters": json.dumps(filters)}) if filters else ""
        deadline = time.monotonic() + ssh.DOCKER_TIMEOUT
        while True:
            try:
                self._connection.request("GET", path + query)
                answer = self._connection.getresponse()
                content = json.loads(answer.read())
                break
            except (OSError, http.client.HTTPException, ValueError) as problem:
                self._connection.close()
                words = self._connection.complaint()
                if ssh.TURNED_AWAY not in words or time.monotonic() > deadline:
                    raise ssh.UnreachableError(f"{self._host}: docker: {words or problem!r}") from problem
            time.sleep(ssh.TURNED_AWAY_PAUSE)
        if answer.status != HTTPStatus.OK:
            raise ssh.RemoteError(f"{self._host}: docker: {content.get('message', answer.reason)}")
        return content
