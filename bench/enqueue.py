"""Submitting many jobs: each one confirmed by a quorum queue, beside Celery and a plain producer."""

import subprocess
from pathlib import Path

from bench import peers
from bench.batch import PEER
from bench.cluster import unique_name
from bench.measurement import Measurement
from runtime.topology import Event
from tests.integration.commands import finish, start_submit
from tests.integration.rabbitmq import RabbitMQ, VirtualHost

EVENT = "test-workflow"
SUBMIT_SECONDS = 600
# The original's own client on a machine of this kind: 115 s for 1,000 jobs.
ORIGINAL = 1000 / 115


def measure(image: str, folder: Path, *, repetitions: int, jobs: int = 10_000) -> list[Measurement]:
    server = RabbitMQ(image=image, name=unique_name())
    ours, celery, confirmed, plain = [], [], [], []
    try:
        server.start(folder)
        for _ in range(repetitions):
            vhost = VirtualHost.make(server, (Event(name=EVENT),))
            ours.append(jobs / _submit(vhost, jobs))
            celery.append(jobs / _peer(vhost, "celery_jobs.py", "enqueue", str(jobs)))
            confirmed.append(
                jobs / 10 / _peer(vhost, "celery_jobs.py", "enqueue", str(jobs // 10), CONFIRM="1")
            )
            plain.append(jobs / 10 / _peer(vhost, "plain_producer.py", str(jobs // 10)))
            vhost.remove()
    finally:
        server.remove()
    against, against_confirmed = (
        tuple(our / their for our, their in zip(ours, theirs, strict=True)) for theirs in (celery, confirmed)
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
            name="submit, against the original's client",
            unit="x",
            values=tuple(our / ORIGINAL for our in ours),
            limit=300,
            direction="at least",
            note=f"its {ORIGINAL:.1f} jobs/s are from another day",
        ),
    ]


def _submit(vhost: VirtualHost, jobs: int) -> float:
    arguments = ("--event", EVENT, "--jobs", str(jobs), "--metadata", "Dataset=abc", "--json")
    done = finish(start_submit(vhost.url, *arguments), seconds=SUBMIT_SECONDS)
    if done.code != 0 or done.result["submitted"] != jobs:
        raise RuntimeError(f"submit ended with {done.code}: {done.stderr}")
    return float(done.result["seconds"])


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
