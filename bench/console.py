"""The status service with many jobs in its history: start-up, memory, each view, and what a job costs it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pika

from bench import busy, flower, history, usage, views
from bench.cluster import unique_name
from bench.measurement import Measurement
from runtime import names
from runtime.messaging.event import Event
from runtime.status_service.settings import DATABASE
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site
from tests.integration.status import TOKEN, Status

# Of each view. Flower takes seconds for some of its own.
REQUESTS, CROWDED_REQUESTS, PEER_REQUESTS = 20, 5, 8
WARM_SECONDS = 15
START_SECONDS = 120
RECORD_SECONDS = 600
COSTING_JOBS = 10_000
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/html"}


def measure(image: str, folder: Path, *, repetitions: int, jobs: int) -> list[Measurement]:
    """The history has JOBS jobs, and as many are kept: the oldest are forgotten all the time."""
    with service(image, folder, jobs) as (vhost, status):
        size = sum(file.stat().st_size for file in status.data.iterdir()) / jobs
        starts = [_start(status) for _ in range(repetitions)]
        idle = usage.memory(status.pid)
        asked = views.Site(pid=status.pid, port=status.port, paths=views.of_console(jobs), headers=HEADERS)
        with busy.cluster(vhost, status, batch=jobs // history.BATCH_JOBS):
            time.sleep(WARM_SECONDS)
            rounds = [views.times(asked, REQUESTS) for _ in range(repetitions)]
            with views.busy_processors():
                crowded, load = views.times(asked, CROWDED_REQUESTS), os.getloadavg()[0]
            memory = usage.memory(status.pid)
            with flower.running(folder, vhost.url) as its:
                theirs = [views.times(its, PEER_REQUESTS) for _ in range(repetitions)]
        costs = [_cost(vhost, status, jobs // history.BATCH_JOBS + n) for n in range(1, repetitions + 1)]
    return [
        *views.figures(rounds, f"{jobs:,} jobs: "),
        _crowded(crowded, jobs, load),
        *views.figures(theirs, f"Flower, {flower.TASKS:,} tasks: ", limit=None),
        _against(rounds, theirs, "median", lambda taken: views.percentile(taken, 50)),
        _against(rounds, theirs, "of a processor", views.cpu),
        Measurement(
            name=f"start of the status service with {jobs:,} jobs, to its first view",
            unit="s",
            values=tuple(seconds for seconds, _ in starts),
            note=f"of a processor {median(cpu for _, cpu in starts):.1f} s",
        ),
        Measurement(
            name=f"memory of the status service with {jobs:,} jobs, after its start",
            unit="MiB",
            values=(idle,),
        ),
        Measurement(
            name=f"the same after {len(asked.paths) * REQUESTS * repetitions:,} answers",
            unit="MiB",
            values=(memory,),
        ),
        Measurement(
            name="what a job costs the status service: processor time", unit="core-ms", values=tuple(costs)
        ),
        Measurement(name="the same: its history's file", unit="bytes", values=(size,)),
    ]


@contextmanager
def service(
    image: str, folder: Path, jobs: int, assets: Path | None = None
) -> Iterator[tuple[VirtualHost, Status]]:
    """The service, not started, with its history."""
    server = RabbitMQ(image=image, name=unique_name())
    try:
        server.start(folder)
        vhost = VirtualHost.make(server, [Event(name=event) for event in history.EVENTS])
        site = Site(folder=folder, broker_url=vhost.url)
        site.start()
        status = Status(site=site, vhost=vhost, assets=assets, settings={names.HISTORY_JOBS: str(jobs)})
        try:
            history.make(status.data / DATABASE, jobs)
            yield vhost, status
        finally:
            status.stop()
            site.stop()
    finally:
        server.remove()


def _start(status: Status) -> tuple[float, float]:
    """Seconds from the start of the process to its first view, and of a processor. It runs after that."""
    status.stop()
    started = time.monotonic()
    status.start()
    until(lambda: status.request("GET", "/")[0] == 200, seconds=START_SECONDS, what="the first view")
    return time.monotonic() - started, usage.cpu_seconds(status.pid)


def _cost(vhost: VirtualHost, status: Status, batch: int) -> float:
    """Milliseconds of a processor for a job, of COSTING_JOBS announced as fast as the broker takes them."""
    before = usage.cpu_seconds(status.pid)
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        busy.announce(channel, busy.submission(batch, COSTING_JOBS))
        for number in range(1, COSTING_JOBS + 1):
            for change in history.Job(batch=batch, number=number).changes(time.time()):
                busy.announce(channel, change)
    until(lambda: vhost.messages(names.STATUS_QUEUE) == 0, seconds=RECORD_SECONDS, what="an empty queue")
    used = usage.cpu_seconds(status.pid) - before
    [found] = [
        each
        for each in status.get("batches?limit=10")["batches"]
        if each["batch"] == history.batch_name(batch)
    ]
    if found["ended"] != COSTING_JOBS:
        raise RuntimeError(f"the history has {found['ended']} of {COSTING_JOBS} jobs")
    return 1000 * used / COSTING_JOBS


def _crowded(times: views.Times, jobs: int, load: float) -> Measurement:
    view = max(times, key=lambda name: views.percentile(times[name], 95))
    return Measurement(
        name=f"{jobs:,} jobs: the slowest view, 95th percentile",
        unit="ms",
        values=(views.percentile(times[view], 95),),
        limit=views.LIMIT_MILLISECONDS,
        note=f"{view}; {os.cpu_count()} processes take all they get, load {load:.0f}",
    )


def _against(
    ours: list[views.Times], theirs: list[views.Times], what: str, value: Callable[[list[views.Taken]], float]
) -> Measurement:
    return Measurement(
        name=f"the newest jobs, against Flower's newest tasks: {what}",
        unit="x",
        values=tuple(
            value(our["jobs"]) / value(their["tasks"]) for our, their in zip(ours, theirs, strict=True)
        ),
        limit=1,
    )
