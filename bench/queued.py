"""Memory and processor time of one consumer while many jobs wait; its Workflow Manager takes no time."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import EVENT, unique_name
from bench.enqueue import enqueue
from bench.instant import instant_worker
from bench.measurement import Measurement
from testing.rabbitmq import RabbitMQ
from testing.waiting import until
from testing.worker import Site

# A consumer is measured over JOBS jobs, after WARM jobs to warm up.
WARM = 500
JOBS = 2_000
SETTINGS = {"MAX_WORKFLOWS": "64"}
JOBS_SECONDS = 300
MORE = 1.1


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a consumer needed: MiB at the end, and core-milliseconds for each job."""

    memory: float
    cpu: float


def measure(image: str, folder: Path, *, repetitions: int, queued: int) -> list[Measurement]:
    """In each repetition a consumer does the jobs twice: alone in the queue, and with more behind them."""
    server = RabbitMQ(image=image, name=unique_name())
    alone, before_many = [], []
    try:
        server.start(folder)
        for repetition in range(repetitions):
            alone.append(_need(server, folder / f"alone{repetition}", WARM + JOBS))
            before_many.append(_need(server, folder / f"many{repetition}", queued))
    finally:
        server.remove()
    pairs = list(zip(before_many, alone, strict=True))
    behind = f"with {queued:,} jobs queued, against {WARM + JOBS:,}"
    return [
        Measurement(name="memory of one consumer", unit="MiB", values=tuple(each.memory for each in alone)),
        Measurement(
            name=f"the same {behind}",
            unit="x",
            values=tuple(many.memory / few.memory for many, few in pairs),
            limit=MORE,
        ),
        Measurement(
            name="processor time of one consumer for a job",
            unit="core-ms",
            values=tuple(each.cpu for each in alone),
        ),
        Measurement(
            name=f"the same {behind}",
            unit="x",
            values=tuple(many.cpu / few.cpu for many, few in pairs),
            limit=MORE,
        ),
    ]


def _need(server: RabbitMQ, folder: Path, queued: int) -> Need:
    with instant_worker(server, folder, SETTINGS) as (vhost, worker):
        enqueue(vhost, queued)
        worker.start()
        _wait_for(worker.site, WARM)
        cpu = worker.cpu_seconds("consumer")
        begun = _wait_for(worker.site, WARM + JOBS)
        used = worker.cpu_seconds("consumer") - cpu
        return Need(memory=worker.resident("consumer") / 1024, cpu=1000 * used / (begun - WARM))


def _wait_for(site: Site, jobs: int) -> int:
    """Wait until the ledger has so many jobs; returns their number."""

    def begun() -> int | None:
        with suppress(FileNotFoundError):
            number = len(list((site.folder / "ledger" / EVENT).iterdir()))
            return number if number >= jobs else None
        return None

    return until(begun, seconds=JOBS_SECONDS, what=f"{jobs} jobs begun")
