"""Numbers over time: what lines are drawn of, and how fast an event's jobs end."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass

from runtime.status_service.numbers import Now, Numbers
from runtime.status_service.store import Store

log = logging.getLogger(__name__)

EVERY_SECONDS = 10
RATE_SECONDS = 600
POINTS = 360


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Jobs of an event that ended each second, of late."""

    succeeded: float
    dead: float

    @property
    def ended(self) -> float:
        return self.succeeded + self.dead

    def seconds_for(self, jobs: int) -> float | None:
        """How long so many jobs take at this rate; None if nobody can tell."""
        return jobs / self.ended if jobs and self.ended else None


class Sampler:
    """Remembers the numbers, for lines."""

    def __init__(self, numbers: Numbers, store: Store) -> None:
        self._numbers = numbers
        self._store = store

    async def run(self) -> None:
        while True:
            try:
                now = await self._numbers.now()
                await asyncio.to_thread(self._store.sample, int(now.at), depths(now))
            except (OSError, sqlite3.Error) as error:
                log.warning("the numbers of this moment are not remembered: %s", error)
            await asyncio.sleep(EVERY_SECONDS)


def depths(now: Now) -> dict[str, tuple[int, int]]:
    """Queued and running jobs by event."""
    return {each.event: (each.queued, each.taken) for each in now.snapshot.queues} if now.snapshot else {}


def rates(store: Store) -> dict[str, Rate]:
    """Of each event that has been looked at for long enough."""
    now = time.time()
    totals = store.totals()
    return {
        event: _rate(then, totals.get(event, {}), now)
        for event, then in store.oldest_samples(int(now - RATE_SECONDS)).items()
        if now - then["at"] >= EVERY_SECONDS
    }


def _rate(then: Mapping[str, float], totals: Mapping[str, float], now: float) -> Rate:
    seconds = now - then["at"]
    return Rate(
        succeeded=max(0.0, totals.get("succeeded", 0) - then["succeeded"]) / seconds,
        dead=max(0.0, totals.get("dead", 0) - then["dead"]) / seconds,
    )


def points(store: Store, event: str | None, seconds: int) -> dict[str, list[float | None]]:
    """The samples since then, at most POINTS of them: times, queued, running, succeeded and dead a minute."""
    step = max(EVERY_SECONDS, seconds // POINTS)
    rows = store.samples(int(time.time()) - seconds, event, step)
    succeeded, dead = ([float(row[name]) for row in rows] for name in ("succeeded", "dead"))
    times = [float(row["at"]) for row in rows]
    return {
        "at": [*times],
        "queued": [row["queued"] for row in rows],
        "running": [row["running"] for row in rows],
        "succeeded": _per_minute(times, succeeded),
        "dead": _per_minute(times, dead),
    }


def _per_minute(times: list[float], grown: list[float]) -> list[float | None]:
    """Growth in the minute before each point."""
    found: list[float | None] = []
    start = 0
    for n, at in enumerate(times):
        while start + 1 < n and times[start + 1] <= at - 60:
            start += 1
        seconds = at - times[start]
        found.append(60 * max(0.0, grown[n] - grown[start]) / seconds if seconds else None)
    return found
