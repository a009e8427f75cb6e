"""Submitting many jobs, each confirmed by a quorum queue, compared with Celery and two other producers."""

import subprocess
from pathlib import Path

from bench import peers
from bench.batch import PEER
from bench.cluster import EVENT, unique_name
from bench.measurement import Measurement
from bench.submitting import submit
from runtime.messaging.event import Event
from testing.rabbitmq import RabbitMQ, VirtualHost

SUBMIT_SECONDS = 600


def measure(image: str, folder: Path, *, repetitions: int, jobs: int = 10_000) -> list[Measurement]:
    server = RabbitMQ(image=image, name=unique_name())
    ours, celery, confirmed, plain, original = [], [], [], [], []
    try:
        server.start(folder)
        for _ in range(repetitions):
            vhost = VirtualHost.make(server, (Event(name=EVENT),))
            ours.append(jobs / enqueue(vhost, jobs))
            celery.append(jobs / _peer(vhost, "celery_jobs.py", "enqueue", str(jobs)))
            confirmed.append(
                jobs / 10 / _peer(vhost, "celery_jobs.py", "enqueue", str(jobs // 10), CONFIRM="1")
            )
            plain.append(jobs / 10 / _peer(vhost, "plain_producer.py", str(jobs // 10)))
            original.append(jobs / 50 / _peer(vhost, "original_way.py", str(jobs // 50)))
            vhost.remove()
    finally:
        server.remove()
    against, against_confirmed, against_original = (
        tuple(our / their for our, their in zip(ours, theirs, strict=True))
        for theirs in (celery, confirmed, original)
    )
    return [
        Measurement(name=f"submit {jobs:,} jobs, each confirmed", unit="jobs/s", values=tuple(ours)),
        Measurement(
            name="Celery's enqueue, without confirms, as it comes", unit="jobs/s", values=tuple(celery)
        ),
        Measurement(name="submit, against that", unit="x", values=against, limit=3, direction="at least"),
        Measurement(name="Celery's enqueue, each confirmed", unit="jobs/s", values=tuple(confirmed)),
        Measurement(name="submit, against that", unit="x", values=against_confirmed),
        Measurement(name="a plain producer, confirmed one by one", unit="jobs/s", values=tuple(plain)),
        Measurement(
            name="the original's way, rewritten: a connection for each job",
            unit="jobs/s",
            values=tuple(original),
        ),
        Measurement(
            name="submit, against that", unit="x", values=against_original, limit=300, direction="at least"
        ),
    ]


def enqueue(vhost: VirtualHost, jobs: int) -> float:
    """Submit jobs without waiting for their ends; returns the seconds that it took."""
    batch = ("--event", EVENT, "--jobs", str(jobs), "--metadata", "Dataset=abc")
    report = submit(vhost.url, *batch, seconds=SUBMIT_SECONDS)
    if report["submitted"] != jobs:
        raise RuntimeError(f"submit has sent {report['submitted']} of {jobs} jobs")
    return float(report["seconds"])


def _peer(vhost: VirtualHost, *command: str, **settings: str) -> float:
    done = subprocess.run(
        [str(peers.PYTHON), *command],
        cwd=PEER,
        env={"BROKER_URL": vhost.url, "PGE": "", "WORK_DIR": "", **settings},
        check=True,
        capture_output=True,
        text=True,
        timeout=SUBMIT_SECONDS,
    )
    return float(done.stdout)
