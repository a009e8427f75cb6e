"""Docker's API on a host over one ssh connection, for callers that poll.

An ssh login and a docker command take a tenth of a second of processor time each, on both sides.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from infra import patience, ssh
from infra.ssh import Identity
from infra.ssh_http import SshConnection


class DockerApi:
    """Reads what docker tells on the host of ``ssh://USER@ADDRESS[:PORT]``; use it as a context manager."""

    def __init__(self, identity: Identity, docker_host: str) -> None:
        self._host = ssh.place(docker_host).host
        line = [*ssh.command(identity, docker_host), "docker", "system", "dial-stdio"]
        self._connection = SshConnection("docker", line)

    def __enter__(self) -> DockerApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.end()

    def get(self, path: str, filters: Mapping[str, Sequence[str]] | None = None) -> Any:
        """What is at ``path``, decoded; raises RemoteError where docker refuses, UnreachableError.

        ``filters`` are docker's own; several values of one filter mean any of them.
        """
        query = "?" + urlencode({"filters": json.dumps(filters)}) if filters else ""
        deadline = time.monotonic() + patience.stretched(ssh.DOCKER_TIMEOUT)
        while True:
            try:
                self._connection.request("GET", path + query)
                answer = self._connection.getresponse()
                content = json.loads(answer.read())
                break
            except (OSError, http.client.HTTPException, ValueError) as problem:
                self._connection.close()
                words = self._connection.complaint()
                if not ssh.turned_away(words) or time.monotonic() > deadline:
                    raise ssh.UnreachableError(f"{self._host}: docker: {words or problem!r}") from problem
            time.sleep(ssh.TURNED_AWAY_PAUSE)
        if answer.status != HTTPStatus.OK:
            raise ssh.RemoteError(f"{self._host}: docker: {content.get('message', answer.reason)}")
        return content
