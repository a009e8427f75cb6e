"""How long each view of the console takes with many jobs in the history, while a busy cluster goes on."""

import http.client
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from urllib.parse import quote

from bench import usage
from bench.history import BATCH_JOBS, EVENTS, NODES, REASONS, Job, batch_name, event_of
from bench.measurement import Measurement

LIMIT_MILLISECONDS = 200
PAUSE_SECONDS = 0.02
ANSWER_SECONDS = 60
SPIN = "while True: pass"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Milliseconds that an answer took, and those of a processor that its process used meanwhile."""

    whole: float
    cpu: float


Times = Mapping[str, list[Taken]]


@dataclass(frozen=True, kw_only=True)
class Site:
    """The process that answers, and what is asked of it: paths by the name of their view."""

    pid: int
    port: int
    paths: Mapping[str, str]
    headers: Mapping[str, str]


def of_console(jobs: int) -> dict[str, str]:
    """Every view, with each filter, on pages near and far; ``jobs`` are in the history."""
    last = jobs // BATCH_JOBS - 1
    batch = last // 2
    event, name = event_of(batch), batch_name(batch)
    dead = next(job for n in range(1, BATCH_JOBS) if (job := Job(batch=batch, number=n)).end == "failed")
    deep, begin = jobs // 2, time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - jobs / 40))
    reason = quote(REASONS[0])
    return {
        "overview": "/",
        "batches": "/batches",
        "a batch": f"/batches/{event}/{name}",
        "jobs": "/jobs",
        "jobs, half-way back": f"/jobs?before={deep}",
        "jobs, far back": f"/jobs?before={jobs // 10}",
        "jobs by event": f"/jobs?event={EVENTS[1]}&before={deep}",
        "jobs by state": f"/jobs?state=DEAD&before={deep}",
        "jobs by event and state": f"/jobs?event={EVENTS[2]}&state=CANCELLED&before={deep}",
        "jobs by batch": f"/jobs?batch={name}&event={event}",
        "jobs by batch and state": f"/jobs?batch={name}&event={event}&state=DEAD",
        "jobs by node": f"/jobs?node={NODES[3]}&before={deep}",
        "jobs by node and state": f"/jobs?node={NODES[3]}&state=DEAD&event={EVENTS[0]}",
        "jobs by node, of an event that has none": f"/jobs?node={NODES[3]}&event=none",
        "jobs by reason": f"/jobs?reason={reason}&before={deep}",
        "jobs by reason, node and event": f"/jobs?reason={reason}&node={NODES[3]}&event={EVENTS[0]}",
        "jobs by time": f"/jobs?ended_to={begin}",
        "jobs by time, event and state": f"/jobs?ended_to={begin}&event={EVENTS[0]}&state=SUCCEEDED",
        "jobs by id": f"/jobs?job={dead.id}",
        "a job": f"/jobs/{dead.event}/{dead.id}",
        "a job's story": f"/jobs/{dead.event}/{dead.id}/story",
        "dead jobs by reason": "/dead",
        "dead jobs of a batch": f"/dead?event={event}&batch={name}",
        "dead jobs of one reason": f"/dead/{EVENTS[0]}?reason={reason}",
        "workflows": "/workflows",
        "a workflow": f"/workflows/{EVENTS[0]}",
        "swarm": "/swarm",
        "changes": "/changes",
        "lines of an hour": "/lines",
        "lines of a day": "/lines?seconds=86400",
        "API: overview": "/api/v1/overview",
        "API: batches, 1,000": "/api/v1/batches?limit=1000",
        "API: a batch": f"/api/v1/batches/{name}",
        "API: jobs, 1,000": f"/api/v1/jobs?limit=1000&before={deep}",
        "API: reasons": "/api/v1/reasons",
        "API: swarm": "/api/v1/swarm",
        "metrics": "/metrics",
    }


def times(site: Site, requests: int) -> Times:
    """REQUESTS for each view, one after the other, the views in turn."""
    taken: dict[str, list[Taken]] = defaultdict(list)
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=ANSWER_SECONDS)) as connection:
        for _ in range(requests):
            for view, path in site.paths.items():
                started, used = time.perf_counter(), usage.cpu_seconds(site.pid)
                connection.request("GET", path, headers=dict(site.headers))
                answer = connection.getresponse()
                answer.read()
                whole = 1000 * (time.perf_counter() - started)
                cpu = 1000 * (usage.cpu_seconds(site.pid) - used)
                taken[view].append(Taken(whole=whole, cpu=cpu))
                if answer.status != 200:
                    raise RuntimeError(f"{path} answered {answer.status}")
                time.sleep(PAUSE_SECONDS)
    return taken


def percentile(taken: list[Taken], number: int) -> float:
    return quantiles([each.whole for each in taken], n=100, method="inclusive")[number - 1]


def cpu(taken: list[Taken]) -> float:
    return median(each.cpu for each in taken)


def figures(
    rounds: Sequence[Times], prefix: str, limit: float | None = LIMIT_MILLISECONDS
) -> list[Measurement]:
    """A figure for each view, with a note of all rounds. Other work hardly changes the processor's time."""
    made = []
    for view in rounds[0]:
        everything = [value for times in rounds for value in times[view]]
        middle, most = percentile(everything, 50), percentile(everything, 99)
        made.append(
            Measurement(
                name=f"{prefix}{view}, 95th percentile",
                unit="ms",
                values=tuple(percentile(times[view], 95) for times in rounds),
                limit=limit,
                note=f"median {middle:.0f}, 99th {most:.0f}, of a processor {cpu(everything):.1f}",
            )
        )
    return made


@contextmanager
def busy_processors() -> Iterator[None]:
    """A process for each processor that takes all it gets."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait(ANSWER_SECONDS)
