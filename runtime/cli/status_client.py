"""The client of the status service's API."""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from runtime import names
from runtime.cli import stack
from runtime.cli.operator import who
from runtime.cli.results import BadInput, NoBroker
from runtime.environment import SettingError, address, secret

API = "/api/v1"
ANSWER_SECONDS = 30.0
OWN_URL = f"http://localhost:{names.STATUS_PORT}"
TOKEN = re.compile(r"[!-~]+")


class NoStatus(NoBroker):
    """The status service cannot be asked. The text says why, and the fix."""


class Unreachable(NoStatus):
    """The status service did not answer. The next call may succeed."""


class Refused(BadInput):
    """The status service does not know what was named, or refuses it."""


class StatusClient:
    """Calls of the status service's API, each with a time limit."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def overview(self) -> dict[str, Any]:
        return self._call("GET", "overview")

    def broker_connected(self) -> bool:
        """Whether the service is connected to the broker, and so hears of jobs."""
        return bool(self.overview()["broker"]["connected"])

    def batches(self, *, limit: int) -> list[dict[str, Any]]:
        return list(self._call("GET", "batches", limit=limit)["batches"])

    def batch(self, batch: str, event: str | None) -> dict[str, Any]:
        """The batch of this name; raises Refused if there is none, or more than one."""
        return self._call("GET", f"batches/{quote(batch, safe='')}", **_if_given(event))

    def jobs(self, *, limit: int, before: int | None = None, **filters: str) -> list[dict[str, Any]]:
        """Jobs that match, the newest first. ``before`` is the number of the last job of the page before."""
        page: dict[str, str | int] = {"limit": limit, **filters}
        if before is not None:
            page["before"] = before
        return list(self._call("GET", "jobs", **page)["jobs"])

    def job(self, event: str, job: str) -> dict[str, Any]:
        return self._call("GET", f"jobs/{quote(event, safe='')}/{quote(job, safe='')}")

    def find(self, job: str, event: str | None) -> dict[str, Any]:
        """The job of this id, with its runs; raises Refused if there is none, or more than one."""
        if event is None:
            events = [each["event"] for each in self.jobs(limit=10, job=job)]
            if not events:
                raise Refused(
                    f"no job {job} is known: it may be queued, or forgotten; --event names its event"
                )
            if len(events) > 1:
                raise Refused(f"several events have a job {job}: say --event {' or --event '.join(events)}")
            event = events[0]
        return self.job(event, job)

    def story(self, event: str, job: str, *, after: int) -> dict[str, Any]:
        """A page of the job's story, and ``next``, after which the next page begins; None on the last."""
        return self._call("GET", f"jobs/{quote(event, safe='')}/{quote(job, safe='')}/story", after=after)

    def run_log(self, event: str, job: str, instance: str, log: str, offset: int) -> bytes:
        """A part of what a program has written, compressed; empty at its end."""
        names = "/".join(quote(each, safe="") for each in (event, job, "logs", instance, log))
        return self._bytes("GET", f"jobs/{names}", offset=offset)

    def reasons(self, *, limit: int, **filters: str) -> list[dict[str, Any]]:
        return list(self._call("GET", "reasons", limit=limit, **filters)["reasons"])

    def cancel_batch(self, batch: str, event: str | None, *, dry_run: bool = False) -> dict[str, Any]:
        """Cancel a batch, or only tell; returns how many of its jobs had begun, and a ``text``."""
        path = f"batches/{quote(batch, safe='')}/cancel"
        return self._call("POST", path, **_if_given(event), **_if_dry(dry_run))

    def cancel_job(self, event: str, job: str, *, dry_run: bool = False) -> dict[str, Any]:
        """Cancel a job, or only tell; returns its state and a ``text``."""
        path = f"jobs/{quote(event, safe='')}/{quote(job, safe='')}/cancel"
        return self._call("POST", path, **_if_dry(dry_run))

    def swarm(self) -> dict[str, Any]:
        """Nodes with machines and containers, services."""
        return self._call("GET", "swarm")

    def changes(self, *, limit: int, **filters: str) -> list[dict[str, Any]]:
        """What changed beside the jobs, the newest first."""
        return list(self._call("GET", "changes", limit=limit, **filters)["changes"])

    def changes_of(self, event: str, job: str) -> list[dict[str, Any]]:
        """What operators did to a job, the newest first."""
        path = f"changes/{quote(event, safe='')}/{quote(job, safe='')}"
        # The service may be of an earlier version for a while.
        return list(self._call("GET", path).get("changes", ()))

    def act(self, path: str, *, dry_run: bool) -> dict[str, Any]:
        """Carry out an action, or only tell what it would do."""
        return self._call("POST", path, **_if_dry(dry_run))

    def delete(self, event: str, *, batch: str | None, jobs: Sequence[str], dry_run: bool) -> dict[str, Any]:
        """Delete products of jobs that have ended, or only tell; what is ``left`` needs another call."""
        asked = {"event": event, "batch": batch, "jobs": list(jobs), "dry_run": dry_run}
        return self._object(self._send("POST", "delete", asked))

    def forget(self, until: int) -> int:
        """Delete the history of jobs that ended until then; returns how many."""
        return int(self._call("DELETE", "history", until=until)["forgotten"])

    def _call(self, method: str, path: str, **query: str | int) -> dict[str, Any]:
        return self._object(self._bytes(method, path, **query))

    def _object(self, answer: bytes) -> dict[str, Any]:
        try:
            content = json.loads(answer)
            if not isinstance(content, dict):
                raise ValueError("its answer is no JSON object")
            return content
        except ValueError as error:
            raise Unreachable(f"no answer from the status service at {self._url}: {error}") from None

    def _bytes(self, method: str, path: str, **query: str | int) -> bytes:
        return self._send(method, f"{path}?{urlencode(query)}" if query else path)

    def _send(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", names.WHO_HEADER: who()}
        body = None
        if content is not None:
            body = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        url = f"{self._url}{API}/{path}"
        request = urllib.request.Request(url, method=method, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=stack.stretched(ANSWER_SECONDS)) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            text = _error(error)
            if error.code in {400, 404}:
                raise Refused(text) from None
            hint = f": correct {names.STATUS_TOKEN}" if error.code == 401 else ""
            kind = Unreachable if error.code >= 500 else NoStatus
            raise kind(f"{self._url} answered with HTTP status {error.code}: {text}{hint}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(f"no answer from the status service at {self._url}: {error}") from None


def status_client(env: Mapping[str, str] = os.environ) -> StatusClient:
    """The client for the service that the environment, the container or the stack names.

    Raises SettingError, NoStatus.
    """
    url, token = env.get(names.STATUS_URL), env.get(names.STATUS_TOKEN)
    if url:
        url = address(env, names.STATUS_URL, default=OWN_URL, schemes=("http", "https"))
    if token and not TOKEN.fullmatch(token):
        # It may be nearly right, so the error does not repeat it.
        raise SettingError(f"{names.STATUS_TOKEN} holds a blank, or what is not ASCII: correct it")
    if not token and (found := secret(names.STATUS_TOKEN_SECRET)):
        token, url = found, url or OWN_URL
    try:
        return StatusClient(
            url or stack.address(names.STATUS_URL_OUTPUT, variable=names.STATUS_URL),
            token or stack.output(names.STATUS_TOKEN_OUTPUT, variable=names.STATUS_TOKEN),
        )
    except stack.NoAnswer as error:
        raise NoStatus(str(error)) from error


def has_jobs(queue: Mapping[str, Any]) -> bool:
    """Whether the broker has jobs of an event, or has not counted them; QUEUE is one of the overview's."""
    return not queue["counted"] or any(queue[part] for part in ("queued", "taken", "retrying"))


def _if_dry(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "true"} if dry_run else {}


def _if_given(event: str | None) -> dict[str, str]:
    return {"event": event} if event else {}


def _error(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (OSError, ValueError, LookupError, TypeError):
        return error.reason
