"""A history of many jobs, written by the service's own writers, and what a busy cluster adds to it."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runtime.messaging.announcements import Action, Announcement, State, StateChange, Submission, Touched
from runtime.outcome import Outcome, Product, Result
from runtime.status_service.changes import Changes, change_of
from runtime.status_service.store import KEPT_SAMPLES_SECONDS, Store

EVENTS = ("test-workflow", "calibrate", "mosaic")
NODES = tuple(f"node{number}" for number in range(1, 41))
BATCH_JOBS = 5_000
JOBS_A_SECOND = 20.0
RUN_SECONDS = 8.0
# Of 1,000 jobs so many are dead, cancelled, and tried twice.
DEAD, CANCELLED, RETRIED = 10, 2, 20
REASONS = (
    "task Calibrate: its program did not exit with 0: 1",
    "task Calibrate: its program did not exit with 0: 137",
    "no product of type L2 was made",
    "ended after 3,600 s, its job_timeout",
    *(f"metadata Orbit is missing in granule {number}" for number in range(46)),
)
LOG = "\n".join(f"10:15:{line:02} step {line} of the calibration: 4,096 rows read" for line in range(50))
TOGETHER = 20_000
SAMPLE_SECONDS = 10
ACTIONS, TOUCHED = 1_000, 12
KEPT = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job's place in the history; its end is decided by its number, the same each time."""

    batch: int
    number: int

    @property
    def event(self) -> str:
        return event_of(self.batch)

    @property
    def id(self) -> str:
        return f"{batch_name(self.batch)}.{self.number}"

    @property
    def node(self) -> str:
        return NODES[(7 * self.number + self.batch) % len(NODES)]

    @property
    def end(self) -> Result:
        lot = (self.number * 7919 + self.batch) % 1000
        return "failed" if lot < DEAD else "cancelled" if lot < DEAD + CANCELLED else "succeeded"

    @property
    def is_tried_twice(self) -> bool:
        return (self.number * 7919 + self.batch) % 1000 >= 1000 - RETRIED

    def changes(self, started: float) -> Iterator[StateChange]:
        """Its runs from then on."""
        run = 1
        if self.is_tried_twice:
            yield self._change("RUNNING", run, started)
            failed = Outcome(result="failed", reason=REASONS[0], log=LOG)
            yield self._change("RETRYING", run, started, ended=started + 5, outcome=failed)
            run, started = 2, started + 10
        yield self._change("RUNNING", run, started)
        states: dict[Result, State] = {"failed": "DEAD", "cancelled": "CANCELLED", "succeeded": "SUCCEEDED"}
        yield self._change(
            states[self.end], run, started, ended=started + RUN_SECONDS, outcome=self._outcome()
        )

    def _outcome(self) -> Outcome:
        if self.end == "failed":
            # The first reasons are the frequent ones.
            rank = int(len(REASONS) * ((self.number * 31 + self.batch) % 97 / 97) ** 3)
            return Outcome(result="failed", reason=REASONS[rank], log=LOG)
        if self.end == "cancelled":
            return Outcome(result="cancelled", reason="cancelled by somebody")
        archived = f"/archive/{self.event}/{batch_name(self.batch)}"
        return Outcome(
            result="succeeded",
            products=tuple(
                Product(
                    id=f"{self.id}-{part}",
                    name=f"{self.id}.{part}",
                    type=part,
                    archived=(f"{archived}/{self.id}.{part}",),
                )
                for part in ("L1B", "L2")
            ),
        )

    def _change(
        self,
        state: State,
        run: int,
        started: float,
        ended: float | None = None,
        outcome: Outcome | None = None,
    ) -> StateChange:
        return StateChange(
            job=self.id,
            event=self.event,
            batch=batch_name(self.batch),
            queued=started - 600,
            state=state,
            run=run,
            attempts=run,
            node=self.node,
            started=started,
            ended=ended,
            outcome=outcome,
        )


def event_of(batch: int) -> str:
    return EVENTS[0] if batch % 4 else EVENTS[1 + batch // 4 % 2]


def batch_name(batch: int) -> str:
    return f"batch-{batch:05}"


def make(file: Path, jobs: int) -> None:
    """JOBS jobs that have ended, in batches one after the other, up to now."""
    store = Store(file, keep=KEPT)
    try:
        # It need not outlive a power cut while it is made.
        store._connection.execute("PRAGMA synchronous = OFF")
        many = _announcements(jobs)
        while some := list(islice(many, TOGETHER)):
            store.apply(some)
        _sample(store)
    finally:
        store.close()
    _act(file, jobs)


def _announcements(jobs: int) -> Iterator[Announcement]:
    begin = time.time() - jobs / JOBS_A_SECOND - RUN_SECONDS
    for batch in range(jobs // BATCH_JOBS):
        submission = Submission(
            batch=batch_name(batch), event=event_of(batch), jobs=BATCH_JOBS, submitted=BATCH_JOBS
        )
        yield submission
        for number in range(1, BATCH_JOBS + 1):
            started = begin + (batch * BATCH_JOBS + number) / JOBS_A_SECOND
            yield from Job(batch=batch, number=number).changes(started)


def _sample(store: Store) -> None:
    """Numbers over time, as far back as they are kept."""
    draw, now = random.Random(1), int(time.time())
    for at in range(now - KEPT_SAMPLES_SECONDS, now, SAMPLE_SECONDS):
        store.sample(at, {event: (draw.randrange(5_000), draw.randrange(160)) for event in EVENTS})


def _act(file: Path, jobs: int) -> None:
    """What operators did: redrives of some jobs each."""
    changes = Changes(file)
    try:
        begin = time.time() - ACTIONS
        changes.add(
            change_of(
                Action(
                    id=f"action-{number}",
                    at=begin + number,
                    action="redrive",
                    event=event_of(number % (jobs // BATCH_JOBS)),
                    who="Ada",
                    what=f"{TOUCHED} jobs of 1 batch",
                    jobs=tuple(
                        Touched(
                            job=Job(batch=number % (jobs // BATCH_JOBS), number=each).id,
                            batch=batch_name(number),
                        )
                        for each in range(1, TOUCHED + 1)
                    ),
                )
            )
            for number in range(ACTIONS)
        )
    finally:
        changes.close()
