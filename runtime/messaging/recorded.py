"""What a job's message is made of, for the record of the job, and the same message made again."""

from typing import Any

import pika

from runtime.messaging import messages
from runtime.messaging.messages import Job

Record = dict[str, Any]


def of(job: Job) -> Record:
    return {
        "metadata": job.metadata,
        "batch": job.batch,
        "priority": job.priority,
        "queued": job.queued_at,
    }


def again(
    job: str,
    record: Record,
    *,
    reason: str | None = None,
    log: str | None = None,
    redrive: str | None = None,
) -> tuple[pika.BasicProperties, bytes]:
    """The message of a job: its digest is that of the first one. Reason and log are for a dead queue."""
    properties = messages.properties_of(
        job, batch=record["batch"], priority=record["priority"], at=record["queued"]
    )
    properties = messages.republished(properties, job=job, reason=reason, log=log, redrive=redrive)
    return properties, messages.encode(record["metadata"])
