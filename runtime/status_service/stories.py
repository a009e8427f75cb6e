"""The story of a job as API and console tell it: what is on the share, and what only the history knows."""

import codecs
from collections import deque
from collections.abc import Iterator
from typing import Any

from runtime.messaging.excerpt import readable
from runtime.messaging.screen import Screen
from runtime.records.story import CONSUMER, Told
from runtime.records.unpack import Unpack
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts

PRODUCER, BROKER = "producer", "broker"
PART_BYTES = 1024 * 1024
# Of a compressed log: to show the last lines of a larger one would take too long.
MOST_SHOWN_BYTES = 4 * PART_BYTES


def told(service: Parts, event: str, job: str) -> list[Told]:
    """In order of time; empty if nothing is known of the job. It may block on the share."""
    known = service.store.job(event, job)
    found = list(service.stories.of(event, job))
    if known:
        found += _of_history(known, runs=not found)
    return sorted(found, key=lambda each: each.at)


def so_far(service: Parts, event: str, job: str, run: int, most: int) -> dict[str, Any]:
    """What is known of a run that goes on: its last step on record, what its newest program has written."""
    steps = [each for each in service.stories.of(event, job) if each.run == run]
    logs = [each for each in steps if each.log]
    newest = max(logs, key=lambda each: each.at, default=None)
    return {
        "step": next((each for each in reversed(steps) if not each.log), None),
        "log": newest,
        "lines": last_lines(service, newest, most) if newest else None,
    }


def parts_of(service: Parts, instance: str, log: str) -> Iterator[bytes]:
    """A full log, compressed as it is; raises FileNotFoundError, OSError."""
    offset = 0
    while part := service.stories.read(instance, log, offset=offset, limit=PART_BYTES):
        offset += len(part)
        yield part


def last_lines(service: Parts, each: Told, most: int) -> list[str] | None:
    """The last lines of a program, as a terminal would show them; None if its output is too large."""
    if each.instance is None or each.log is None or (each.bytes or 0) > MOST_SHOWN_BYTES:
        return None
    unpack, screen = Unpack(), Screen()
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    lines: deque[str] = deque(maxlen=most)
    try:
        for part in parts_of(service, each.instance, each.log):
            for content in unpack.feed(part):
                lines.extend(screen.feed(decode(content)))
    except OSError:
        return None  # It was cleaned just now.
    lines.extend(screen.close())
    return [readable(line) for line in lines]


def _of_history(job: Record, *, runs: bool) -> Iterator[Told]:
    """What only the history knows; that includes the RUNS of a job whose record is gone."""
    if job["queued"]:
        yield Told(at=job["queued"], by=PRODUCER, text="it was submitted")
    elif job["state"] == "QUEUED":
        yield Told(at=job["updated"] or 0.0, by=BROKER, text="it is queued")
    for run in job["runs"] if runs else ():
        number = run["run"]
        if run["started"]:
            text = f"run {number} begins on {run['node']}"
            yield Told(at=run["started"], by=CONSUMER, text=text, run=number)
        if run["ended"]:
            reason = f": {run['reason']}" if run["reason"] else ""
            yield Told(at=run["ended"], by=CONSUMER, text=f"run {number} {run['state']}{reason}", run=number)
