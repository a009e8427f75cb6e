"""Counts the messages of dead jobs that can go, and takes them out of their queues."""

from collections.abc import Iterable
from pathlib import Path, PurePath

import pika

from runtime.cli.cleaning import Part
from runtime.messaging import messages
from runtime.messaging.blocking import connection
from runtime.messaging.dead_queue import DeadQueue
from runtime.records.ledger import Ledger


def discard(url: str, events: Iterable[str], ledger: Path, part: Part, *, until: float, really: bool) -> None:
    """Discard the messages of jobs that died by UNTIL, in unix seconds; only count them unless REALLY.

    PART says what was done, also if this raises FAILURES or OSError.
    """
    records = Ledger(ledger, node="clean", lease=0)
    for event in events:
        with connection(url, name=f"clean {event}") as (receiving, _):
            dead = DeadQueue(receiving, event)
            for tag, properties, body in dead:
                job = messages.job_id(event, properties, body)
                if not _died_by(until, records, event, job, properties):
                    continue
                part.add(PurePath(event, job), len(body))
                if really:
                    records.discard(event, job)
                    dead.remove(tag)
            dead.hand_back()


def named(url: str, events: Iterable[str]) -> set[PurePath]:
    """The jobs that have a message in a dead queue, as EVENT/JOB; raises FAILURES."""
    found = set()
    for event in events:
        with connection(url, name=f"look at {event}") as (receiving, _):
            dead = DeadQueue(receiving, event)
            found |= {PurePath(event, messages.job_id(event, *message)) for _, *message in dead}
            dead.hand_back()
    return found


def _died_by(until: float, records: Ledger, event: str, job: str, properties: pika.BasicProperties) -> bool:
    if verdict := records.verdict(event, job):
        return verdict.ended <= until
    if records.knows(event, job):
        return False  # it was redriven, and has not ended
    queued = messages.queued_at(properties)
    return queued is not None and queued <= until
