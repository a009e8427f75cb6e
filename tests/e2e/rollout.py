"""Updates of a workflow while jobs run: which version of its program has written a job's products."""

from __future__ import annotations

import re
import secrets
import shlex
import time

import pika

from runtime import names
from runtime.messaging import messages
from testing.cluster import UP_TIMEOUT, Cluster
from testing.waiting import until

EVENT = "test-workflow"
WRITES = re.compile(r"block = .*")
FIELDS = {"Dataset": "abc", "Project": "123", "Run": "1"}
BEFORE, AFTER = 2, 8  # jobs of a round, before the update and after it
LONG_SECONDS = 8  # of each task of a job that is to run during the update
HEAD = 'head -c 12 "$1" | grep -a ^version || echo before the first version'
HEADS = f"find {{archive}} -name '*{{batch}}.*' -type f -exec sh -c {shlex.quote(HEAD)} _ {{{{}}}} ';'"


def rounds(cluster: Cluster, number: int) -> list[tuple[list[str], list[str]]]:
    """Update the program so often; of each round the versions that jobs from before and after ran on.

    Jobs from before run when `up` begins, the others are sent in the moment in which it returns.
    """
    program = cluster.folder / "workflows" / EVENT / "pges" / "pge.py"

    def update(version: int) -> None:
        program.write_text(
            WRITES.sub(f'block = b"version {version}".ljust(MEGABYTE, b"\\\\n")', program.read_text())
        )
        cluster.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT)

    update(0)
    found = []
    for version in range(1, number + 1):
        before, after = (f"{when}-{secrets.token_hex(3)}" for when in ("before", "after"))
        url = cluster.output(names.USER_URL_OUTPUT)
        send(url, before, BEFORE, LONG_SECONDS)
        await_jobs(cluster, before, "RUNNING", BEFORE)
        update(version)
        send(url, after, AFTER, 0)
        for batch, jobs in ((before, BEFORE), (after, AFTER)):
            await_jobs(cluster, batch, "SUCCEEDED", jobs)
        found.append((versions(cluster, before), versions(cluster, after)))
    return found


def send(url: str, batch: str, jobs: int, seconds: float) -> None:
    """Publish jobs without a command, which would take a second to start."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(1, jobs + 1):
            body = messages.encode({**FIELDS, "Seconds": str(seconds)})
            properties = messages.properties_of(f"{batch}.{number}", batch=batch, at=time.time())
            channel.basic_publish(names.EXCHANGE, EVENT, body, properties, mandatory=True)


def await_jobs(cluster: Cluster, batch: str, state: str, jobs: int) -> None:
    def look() -> bool:
        found = cluster.status().batches(limit=100)
        states: dict[str, int] = next((each["states"] for each in found if each["batch"] == batch), {})
        return states.get(state, 0) == jobs

    until(look, what=f"{jobs} jobs of {batch} to be {state}")


def versions(cluster: Cluster, batch: str) -> list[str]:
    """The version of the program that has written each product of a batch, each version once."""
    heads = cluster.manager(HEADS.format(archive=cluster.output("archive"), batch=batch))
    return sorted(set(heads.splitlines()))
