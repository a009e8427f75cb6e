"""Puts dead jobs back: from EVENT.dead into their queue, perhaps with other metadata.

The broker confirms the message in its queue before it is acknowledged in the dead queue. If redrive is
interrupted in between, the message is in both queues: another redrive finds it and does no harm.
"""

import contextlib
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import pika
from pika.adapters.blocking_connection import BlockingChannel

from runtime import names
from runtime.actions.edits import Edit, again
from runtime.messaging import messages
from runtime.messaging.alike import shared
from runtime.messaging.announcements import Action, Announcement, Redrive, Touched, encode, routing_key
from runtime.messaging.blocking import CONNECT_SECONDS, FAILURES, connection, publish, waiting


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead jobs to redrive: those that fit all parts that are given.

    ``reason`` is a part of theirs. ``same_reason`` is the whole of what their reasons have in common.
    """

    batch: str | None = None
    reason: str | None = None
    same_reason: str | None = None
    jobs: frozenset[str] = frozenset()

    def fits(self, job: str, properties: pika.BasicProperties) -> bool:
        theirs = messages.reason_of(properties) or ""
        whole = {theirs, shared(theirs, job)}
        return (
            (self.batch is None or messages.batch_of(properties) == self.batch)
            and (self.reason is None or self.reason in theirs or self.reason in whole)
            and (self.same_reason is None or self.same_reason in whole)
            and (not self.jobs or job in self.jobs)
        )


@dataclass(kw_only=True)
class Report:
    """What was done: jobs that were redriven, how many of each batch (empty for none), dead ones left."""

    event: str
    redriven: int = 0
    left: int = 0
    jobs: list[str] = field(default_factory=list)
    batches: Counter[str] = field(default_factory=Counter)
    touched: list[Touched] = field(default_factory=list)

    def add(self, touched: Touched) -> None:
        self.redriven += 1
        self.jobs.append(touched.job)
        self.batches[touched.batch or ""] += 1
        self.touched.append(touched)


def redrive(
    url: str,
    choice: Choice,
    report: Report,
    *,
    edit: Edit | None = None,
    who: str,
    within: float = CONNECT_SECONDS,
) -> None:
    """Redrive the dead jobs that fit, with a broker that lets this in within so many seconds.

    The report says what was done, also if this raises FAILURES.
    """
    token = uuid.uuid4().hex
    with connection(url, name=f"redrive {report.event}", within=within) as (receiving, sending):
        try:
            # Jobs that die again meanwhile are left for the next redrive.
            for tag, properties, body in waiting(receiving, names.dead_queue(report.event)):
                job = messages.job_id(report.event, properties, body)
                if not choice.fits(job, properties):
                    report.left += 1
                    continue
                put_back, content, before = again(report.event, properties, body, redrive=token, edit=edit)
                batch = messages.batch_of(properties)
                publish(sending, names.EXCHANGE, report.event, content, put_back)
                _announce(sending, Redrive(job=job, event=report.event, redrive=token, batch=batch))
                receiving.basic_ack(tag)
                report.add(Touched(job=job, batch=batch, before=before))
        finally:
            if report.redriven:
                with contextlib.suppress(*FAILURES):
                    _announce(sending, _action(report, id=token, edit=edit, who=who))


def look(url: str, choice: Choice, report: Report, *, within: float = CONNECT_SECONDS) -> None:
    """Only report which dead jobs a redrive would put back; raises FAILURES."""
    with connection(url, name=f"look at {report.event}", within=within) as (receiving, _):
        for _tag, properties, body in waiting(receiving, names.dead_queue(report.event)):
            job = messages.job_id(report.event, properties, body)
            if choice.fits(job, properties):
                report.add(Touched(job=job, batch=messages.batch_of(properties)))
            else:
                report.left += 1


def _action(report: Report, *, id: str, edit: Edit | None, who: str) -> Action:
    return Action(
        id=id,
        at=time.time(),
        action="edit" if edit else "redrive",
        event=report.event,
        who=who,
        what=f"{counted(report)} queued again" + (f" with {edit}" if edit else ""),
        jobs=tuple(report.touched),
    )


def counted(report: Report) -> str:
    """Such as: 412 jobs of 2 batches."""
    batches = len([batch for batch in report.batches if batch])
    jobs = f"{report.redriven} job{'' if report.redriven == 1 else 's'}"
    if not batches:
        return jobs
    return f"{jobs} of {batches} batch{'' if batches == 1 else 'es'}"


def _announce(sending: BlockingChannel, announcement: Announcement) -> None:
    key = routing_key(announcement)
    publish(sending, names.EVENTS_EXCHANGE, key, encode(announcement), mandatory=False)
