"""The history as it is written: events in, each taken into account once however often it comes.

The broker holds the truth about work to do; this is what is remembered of it. A job that was never heard of
before is made by its first event, whichever that is, so a history that was lost begins anew without a word.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from runtime.messaging.events import FINAL, BatchEvent, Happening, RedriveEvent, StateEvent
from runtime.status_service import schema
from runtime.status_service.history import History

# Within one run of a job; across runs the run's number decides.
STAGE = {"RUNNING": 0, "RETRYING": 1, "SUCCEEDED": 2, "DEAD": 2, "CANCELLED": 2, "QUEUED": 3}
# What a run came to, by the state that it brought its job to.
RUN_STATE = {"RETRYING": "FAILED", "DEAD": "FAILED"}
# Upper bounds of the histograms' buckets, in seconds.
BOUNDS = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400)

ADD_TOTAL = """
    INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (event, name) DO UPDATE SET value = value + excluded.value
"""


class Store(History):
    """The history in one file. Every method may block on the disk."""

    def __init__(self, path: Path, *, keep: int) -> None:
        super().__init__(schema.connect(path), threading.Lock())
        self._keep = keep

    def apply(self, events: Iterable[Happening]) -> None:
        """Take events in; they are on the disk when this returns."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for event in events:
                    match event:
                        case StateEvent():
                            self._change(event)
                        case BatchEvent():
                            self._batch(event)
                        case RedriveEvent():
                            self._redrive(event)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def mark_cancelled(self, batch: str) -> None:
        """Remember that none of the batch's jobs is to begin."""
        with self._lock:
            self._connection.execute("UPDATE batches SET cancelled = 1 WHERE batch = ?", (batch,))

    def prune(self) -> int:
        """Forget the oldest jobs that have ended, beyond the number to keep; how many."""
        with self._lock:
            newest_gone = self._connection.execute(
                "SELECT ended FROM jobs WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET ?",
                (self._keep,),
            ).fetchone()
        return self.forget(newest_gone["ended"]) if newest_gone else 0

    def forget(self, until: float) -> int:
        """Forget jobs that ended at UNTIL or before, and then empty batches; how many jobs."""
        with self._lock:
            db = self._connection
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "DELETE FROM runs WHERE (event, job) IN (SELECT event, job FROM jobs WHERE ended <= ?)",
                (until,),
            )
            gone = db.execute("DELETE FROM jobs WHERE ended <= ?", (until,)).rowcount
            db.execute(
                "DELETE FROM batches WHERE seen <= ? AND NOT EXISTS"
                " (SELECT 1 FROM jobs WHERE jobs.batch = batches.batch)",
                (until,),
            )
            db.execute("DELETE FROM counts WHERE batch != '' AND batch NOT IN (SELECT batch FROM batches)")
            db.execute("COMMIT")
        return gone

    def _change(self, event: StateEvent) -> None:
        self._remember_run(event)
        stage = STAGE[event.state]
        before = self._job(event.event, event.job)
        if before is not None and (event.run, stage) <= (before["run"], before["stage"]):
            return
        self._write(event, stage, before)
        self._count(event.event, event.batch, event.state, before)
        if event.state in FINAL or event.state == "RETRYING":
            self._connection.execute(ADD_TOTAL, (event.event, event.state.lower(), 1))

    def _write(self, event: StateEvent, stage: int, before: sqlite3.Row | None) -> None:
        values = {
            "event": event.event,
            "job": event.job,
            "batch": event.batch,
            "state": event.state,
            "run": event.run,
            "stage": stage,
            "attempts": event.attempts,
            "node": event.node,
            "reason": event.reason,
            "log": event.log,
            "products": json.dumps(event.products),
            "queued": event.queued,
            "started": event.started,
            "ended": (event.ended or time.time()) if event.state in FINAL else None,
            "updated": time.time(),
        }
        if before is None:
            self._batch_of(event)
            columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
            self._connection.execute(f"INSERT INTO jobs ({columns}) VALUES ({marks})", values)
        else:
            # A worker that has adopted a run may not know when its job was queued.
            kept = {"batch", "queued", "started"}
            changes = ", ".join(
                f"{name} = coalesce(:{name}, {name})" if name in kept else f"{name} = :{name}"
                for name in values
            )
            self._connection.execute(f"UPDATE jobs SET {changes} WHERE event = :event AND job = :job", values)

    def _remember_run(self, event: StateEvent) -> None:
        if event.run == 0:
            return
        run = self._connection.execute(
            "SELECT stage, ended FROM runs WHERE event = ? AND job = ? AND run = ?",
            (event.event, event.job, event.run),
        ).fetchone()
        stage = STAGE[event.state]
        if run is not None and stage <= run["stage"]:
            return
        state = RUN_STATE.get(event.state, event.state)
        self._connection.execute(
            "INSERT INTO runs (event, job, run, stage, state, node, reason, log, started, ended)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event, job, run) DO UPDATE SET"
            " stage = excluded.stage, state = excluded.state, node = excluded.node, reason = excluded.reason,"
            " log = excluded.log, started = coalesce(excluded.started, started), ended = excluded.ended",
            (
                *(event.event, event.job, event.run, stage, state, event.node, event.reason, event.log),
                *(event.started, event.ended),
            ),
        )
        if run is None and event.run == 1 and event.started and event.queued:
            self._observe(event.event, "queued", event.started - event.queued)
        if event.started and event.ended and (run is None or run["ended"] is None):
            self._observe(event.event, "run", event.ended - event.started)

    def _batch_of(self, event: StateEvent | RedriveEvent) -> None:
        if event.batch is not None:
            self._connection.execute(
                "INSERT OR IGNORE INTO batches (batch, event, seen) VALUES (?, ?, ?)",
                (event.batch, event.event, time.time()),
            )

    def _batch(self, event: BatchEvent) -> None:
        self._connection.execute(
            "INSERT INTO batches (batch, event, jobs, submitted, seen) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (batch) DO UPDATE SET jobs = excluded.jobs,"
            " submitted = coalesce(excluded.submitted, submitted)",
            (event.batch, event.event, event.jobs, event.submitted, time.time()),
        )

    def _redrive(self, event: RedriveEvent) -> None:
        before = self._job(event.event, event.job)
        if before is None:
            # Its runs are unknown; the next one will be later than the first.
            self._batch_of(event)
            self._connection.execute(
                "INSERT INTO jobs"
                " (event, job, batch, state, run, stage, attempts, products, updated, redrive)"
                " VALUES (?, ?, ?, 'QUEUED', 0, ?, 0, '[]', ?, ?)",
                (event.event, event.job, event.batch, STAGE["QUEUED"], time.time(), event.redrive),
            )
        elif before["state"] == "DEAD" and before["redrive"] != event.redrive:
            self._connection.execute(
                "UPDATE jobs SET state = 'QUEUED', stage = ?, attempts = 0, ended = NULL, updated = ?,"
                " redrive = ? WHERE number = ?",
                (STAGE["QUEUED"], time.time(), event.redrive, before["number"]),
            )
        else:
            return
        self._count(event.event, event.batch, "QUEUED", before)

    def _job(self, event: str, job: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(
            "SELECT * FROM jobs WHERE event = ? AND job = ?", (event, job)
        ).fetchone()
        return found

    def _count(self, event: str, batch: str | None, state: str, before: sqlite3.Row | None) -> None:
        changes = [(event, batch or "", state, 1)]
        if before is not None:
            batch = before["batch"] or batch
            changes = [(event, before["batch"] or "", before["state"], -1), (event, batch or "", state, 1)]
        self._connection.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?)"
            " ON CONFLICT (event, batch, state) DO UPDATE SET jobs = jobs + excluded.jobs",
            changes,
        )

    def _observe(self, event: str, name: str, seconds: float) -> None:
        bound = next((f"{bound}" for bound in BOUNDS if seconds <= bound), "+Inf")
        for total, amount in ((f"{name}:{bound}", 1.0), (f"{name}:sum", max(0.0, seconds))):
            self._connection.execute(ADD_TOTAL, (event, total, amount))
