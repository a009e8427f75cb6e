"""Puts dead jobs back: from EVENT.dead into their queue, perhaps with other metadata.

The broker confirms the message in its queue before it is acknowledged in the dead queue. If redrive is
interrupted in between, the message is in both queues: another redrive finds it and does no harm.
"""

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pika
from pika.adapters.blocking_connection import BlockingChannel

from runtime import names
from runtime.actions.edits import Edit, again
from runtime.messaging import messages
from runtime.messaging.alike import shared
from runtime.messaging.announcements import Action, Announcement, Redrive, Touched, encode, routing_key
from runtime.messaging.blocking import CONNECT_SECONDS, FAILURES, connection, publish
from runtime.messaging.dead_queue import DeadQueue, Message


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
    """What was done: jobs that were redriven, how many of each batch (empty for none), dead ones left.

    A job counts once, however many messages it has. ``messages`` is how many the dead queue had at first,
    ``read`` how many of them were looked at, and ``moved`` how many it has no more. ``token`` tells this
    redrive from others.
    """

    event: str
    messages: int = 0
    read: int = 0
    moved: int = 0
    batches: Counter[str] = field(default_factory=Counter)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _touched: dict[str, Touched] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)

    @property
    def redriven(self) -> int:
        return len(self._touched)

    @property
    def left(self) -> int:
        return len(self._left - self._touched.keys())

    @property
    def jobs(self) -> list[str]:
        return list(self._touched)

    @property
    def touched(self) -> tuple[Touched, ...]:
        return tuple(self._touched.values())

    def add(self, touched: Touched) -> None:
        if touched.job not in self._touched:
            self.batches[touched.batch or ""] += 1
            self._touched[touched.job] = touched

    def leave(self, job: str) -> None:
        self._left.add(job)

    def so_far(self) -> str:
        """Such as: 1200 of 50000 messages read, 400 jobs fit."""
        if not self.messages:
            return "it waits for the broker, or for another one that looks through these jobs"
        return f"{self.read} of {self.messages} messages read, {self.redriven} jobs fit"


def redrive(
    url: str,
    choice: Choice,
    report: Report,
    *,
    edit: Edit | None = None,
    who: str,
    within: float = CONNECT_SECONDS,
    step: Callable[[], None] = lambda: None,
) -> None:
    """Redrive the dead jobs that fit, with a broker that lets this in within so many seconds.

    The report says what was done, also if this raises FAILURES. STEP is called after each message.
    """
    with connection(url, name=f"redrive {report.event}", within=within) as (receiving, sending):
        try:
            dead = DeadQueue(receiving, report.event)
            # Jobs that die again meanwhile are left for the next redrive.
            for tag, properties, body in _counted(dead, report, step):
                job = messages.job_id(report.event, properties, body)
                if not choice.fits(job, properties):
                    report.leave(job)
                    continue
                put_back, content, before = again(
                    report.event, properties, body, redrive=report.token, edit=edit
                )
                batch = messages.batch_of(properties)
                publish(sending, names.EXCHANGE, report.event, content, put_back)
                _announce(sending, Redrive(job=job, event=report.event, redrive=report.token, batch=batch))
                dead.remove(tag)
                report.moved += 1
                report.add(Touched(job=job, batch=batch, before=before))
            dead.hand_back()
        finally:
            if report.redriven:
                with contextlib.suppress(*FAILURES):
                    _announce(sending, action_of(report, edit=edit, who=who))


def look(
    url: str,
    choice: Choice,
    report: Report,
    *,
    within: float = CONNECT_SECONDS,
    step: Callable[[], None] = lambda: None,
) -> None:
    """Only report which dead jobs a redrive would put back; raises FAILURES."""
    with connection(url, name=f"look at {report.event}", within=within) as (receiving, _):
        dead = DeadQueue(receiving, report.event)
        for _tag, properties, body in _counted(dead, report, step):
            job = messages.job_id(report.event, properties, body)
            if choice.fits(job, properties):
                report.add(Touched(job=job, batch=messages.batch_of(properties)))
            else:
                report.leave(job)
        dead.hand_back()


def _counted(dead: DeadQueue, report: Report, step: Callable[[], None]) -> Iterator[Message]:
    report.messages = dead.messages
    for message in dead:
        report.messages = dead.messages
        yield message
        report.read += 1
        step()


def action_of(report: Report, *, edit: Edit | None, who: str) -> Action:
    """What was done, for the list of changes."""
    return Action(
        id=report.token,
        at=time.time(),
        action="edit" if edit else "redrive",
        event=report.event,
        who=who,
        what=f"{counted(report)} queued again" + (f" with {edit}" if edit else ""),
        jobs=report.touched,
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
