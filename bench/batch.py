"""A batch on several workers, compared with Celery on the same programs and with the ideal time."""

import os
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.cluster import Cluster
from bench.measurement import Measurement
from bench.peers import ROOT
from runtime.messaging.announcements import StateChange
from testing.rabbitmq import VirtualHost

PEER = ROOT / "bench" / "peer"
PGE = ROOT / "workflows" / "test-workflow" / "pges" / "pge.py"
CELERY_SECONDS = 900
STOP_SECONDS = 30
TASKS = 2


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Figures, the jobs of the last repetition, and in seconds: the batch, and one job's overhead."""

    figures: list[Measurement]
    ended: list[StateChange]
    elapsed: float
    overhead: float


def measure(cluster: Cluster, *, repetitions: int, jobs: int, seconds: float) -> Batch:
    """Each repetition runs the batch, then the same work with Celery."""
    ours, theirs, ideals, cores_used, idle = [], [], [], [], []
    slots = cluster.workers * cluster.slots
    alone = [_alone(cluster, seconds) for _ in range(max(5, repetitions))]
    single = Measurement(name=f"one job alone, tasks of {seconds:g} s each", unit="s", values=tuple(alone))
    ended: list[StateChange] = []
    with _celery_workers(cluster.vhost, cluster.workers, cluster.slots, cluster.folder) as environment:
        for _ in range(repetitions):
            before = sum(cluster.cpu_seconds().values())
            elapsed, ended = cluster.run(jobs=jobs, seconds=seconds)
            cpu = sum(cluster.cpu_seconds().values()) - before
            ours.append(elapsed)
            cores_used.append(cpu / jobs)
            ideals.append(max(jobs * single.median / slots, cpu / (os.cpu_count() or 1)))
            idle.append(100 * idle_share(ended, slots))
            theirs.append(_celery_run(environment, jobs, seconds))
    work = f"{jobs} jobs of {TASKS} tasks of {seconds:g} s, {cluster.workers} WMs x {cluster.slots} slots"
    ratios = tuple(our / their for our, their in zip(ours, theirs, strict=True))
    shares = tuple(ideal / our for ideal, our in zip(ideals, ours, strict=True))
    overhead = tuple(value - TASKS * seconds for value in alone)
    figures = [
        Measurement(name=work, unit="s", values=tuple(ours)),
        Measurement(name="the same with Celery, without OODT", unit="s", values=tuple(theirs)),
        Measurement(name="the batch, against Celery", unit="x", values=ratios, limit=1.1),
        Measurement(name="ideal for the batch", unit="s", values=tuple(ideals)),
        Measurement(name="ideal / batch", unit="", values=shares, limit=0.95, direction="at least"),
        Measurement(
            name="ideal in whole rounds of jobs / batch",
            unit="",
            values=tuple(-(-jobs // slots) * single.median / our for our in ours),
        ),
        single,
        Measurement(
            name="overhead of one job alone", unit="s", values=overhead, limit=0.25, note="claim to verdict"
        ),
        Measurement(
            name="processor time of one job, everything included", unit="core-s", values=tuple(cores_used)
        ),
        Measurement(name="slots idle while jobs are queued", unit="%", values=tuple(idle), limit=2),
    ]
    return Batch(
        figures=figures, ended=ended, elapsed=statistics.median(ours), overhead=statistics.median(overhead)
    )


def _alone(cluster: Cluster, seconds: float) -> float:
    _, [change] = cluster.run(jobs=1, seconds=seconds)
    assert change.ended is not None and change.started is not None
    return change.ended - change.started


def idle_share(ended: list[StateChange], slots: int) -> float:
    """The share of slot time without a job, from when all slots had one until the last job left the queue."""
    spans = sorted((change.started or 0, change.ended or 0) for change in ended)
    first, last = spans[slots - 1][0], spans[-1][0]
    busy = sum(max(0.0, min(end, last) - max(start, first)) for start, end in spans)
    return 1 - busy / (slots * (last - first))


@contextmanager
def _celery_workers(vhost: VirtualHost, workers: int, slots: int, folder: Path) -> Iterator[dict[str, str]]:
    environment = {
        "PATH": os.environ["PATH"],
        "BROKER_URL": vhost.url,
        "PGE": str(PGE),
        "WORK_DIR": str(folder / "celery"),
    }
    command = [
        str(peers.PYTHON),
        "-m",
        "celery",
        "--app",
        "celery_jobs",
        "worker",
        "--concurrency",
        str(slots),
    ]
    with open(folder / "celery.log", "ab") as log:
        processes = [
            subprocess.Popen(
                [*command, "--hostname", f"celery{number}@bench"],
                cwd=PEER,
                env=environment,
                stdout=log,
                stderr=log,
            )
            for number in range(workers)
        ]
    try:
        yield environment
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOP_SECONDS)


def _celery_run(environment: dict[str, str], jobs: int, seconds: float) -> float:
    done = subprocess.run(
        [str(peers.PYTHON), "celery_jobs.py", "run", str(jobs), str(seconds)],
        cwd=PEER,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=CELERY_SECONDS,
    )
    return float(done.stdout)
