"""The history as it is written: announcements in, each taken into account once however often it comes.

It decides nothing: the broker knows what is to be done, the ledger knows the verdicts. The first announcement
of a job, whichever it is, makes the job's row. So a history that was lost begins anew by itself.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runtime.messaging.alike import shared
from runtime.messaging.announcements import FINAL, Action, Announcement, Redrive, StateChange, Submission
from runtime.outcome import to_fields
from runtime.status_service import schema
from runtime.status_service.changes import change_of, insert
from runtime.status_service.history import History

# The order of states within one run of a job. Between runs the run's number decides.
STAGE = {"RUNNING": 0, "RETRYING": 1, "SUCCEEDED": 2, "DEAD": 2, "CANCELLED": 2, "QUEUED": 3}
# The state of a run, by the state that it brought its job to.
RUN_STATE = {"RETRYING": "FAILED", "DEAD": "FAILED"}
KEPT_SAMPLES_SECONDS = 86400
GROWING = ("succeeded", "dead")
# Upper bounds of the histograms' buckets, in seconds.
BOUNDS = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400)

ADD_TOTAL = """
    INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT (event, name) DO UPDATE SET value = value + excluded.value
"""


class Store(History):
    """The history in one file. Every method may block on the disk."""

    def __init__(self, path: Path, *, keep: int, tell: schema.Tell = schema.log_step) -> None:
        """TELL is called with what is done to a history of an earlier version, which may take minutes."""
        super().__init__(path)
        self._connection = schema.connect(path, tell)
        self._lock = threading.Lock()
        self._keep = keep

    def close(self) -> None:
        super().close()
        with self._lock:
            self._connection.close()

    def apply(self, announcements: Iterable[Announcement]) -> None:
        """Take them in; they are on the disk when this returns."""
        with self._writing() as db:
            for announcement in announcements:
                match announcement:
                    case StateChange():
                        self._change(announcement)
                    case Submission():
                        self._submission(announcement)
                    case Redrive():
                        self._redrive(announcement)
                    case Action():
                        insert(db, change_of(announcement))

    def mark_cancelled(self, event: str, batch: str) -> None:
        """Remember that no job of the batch may begin any more."""
        with self._writing() as db:
            db.execute("UPDATE batches SET cancelled = 1 WHERE event = ? AND batch = ?", (event, batch))

    def sample(self, at: int, numbers: Mapping[str, tuple[int, int]]) -> None:
        """Remember how many jobs of each event are queued and run, and forget samples that are too old."""
        totals = self.totals()
        with self._writing() as db:
            db.execute("DELETE FROM samples WHERE at < ?", (at - KEPT_SAMPLES_SECONDS,))
            db.executemany(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (at, event, queued, running, *(totals.get(event, {}).get(name, 0) for name in GROWING))
                    for event, (queued, running) in numbers.items()
                ],
            )

    def forget_products(self, event: str, jobs: Iterable[str]) -> None:
        """Remember of these jobs that their products are deleted."""
        with self._writing() as db:
            db.executemany(
                "UPDATE jobs SET products = '[]' WHERE event = ? AND job = ?", [(event, job) for job in jobs]
            )

    def pending_redrive(self, event: str, job: str) -> str | None:
        """The redrive by which a dead job is queued again; None if it is not."""
        found = self._rows(
            "SELECT redrive FROM jobs WHERE event = ? AND job = ? AND state = 'QUEUED'", (event, job)
        )
        redrive: str | None = found[0]["redrive"] if found else None
        return redrive

    def prune(self) -> int:
        """Forget the oldest ended jobs, beyond the number to keep. Returns how many were forgotten."""
        gone = self._rows(
            "SELECT ended FROM jobs WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET ?",
            (self._keep,),
        )
        return self.forget(gone[0]["ended"]) if gone else 0

    def forget(self, until: float) -> int:
        """Forget jobs that ended at UNTIL or before, and then empty batches. Returns the number of jobs.

        UNTIL is in unix seconds.
        """
        with self._writing() as db:
            db.execute(
                "DELETE FROM runs WHERE (event, job) IN (SELECT event, job FROM jobs WHERE ended <= ?)",
                (until,),
            )
            gone = db.execute("DELETE FROM jobs WHERE ended <= ?", (until,)).rowcount
            db.execute(
                "DELETE FROM batches WHERE seen <= ? AND NOT EXISTS"
                " (SELECT 1 FROM jobs WHERE jobs.batch = batches.batch AND jobs.event = batches.event)",
                (until,),
            )
            db.execute(
                "DELETE FROM counts WHERE batch != '' AND (event, batch) NOT IN"
                " (SELECT event, batch FROM batches)"
            )
        return gone

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of it is on the disk at its end, or nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _change(self, change: StateChange) -> None:
        self._remember_run(change)
        stage = STAGE[change.state]
        before = self._job(change.event, change.job)
        if before is not None and (change.run, stage) <= (before["run"], before["stage"]):
            redriven = before["state"] == "QUEUED" and before["redrive"] == change.redrive
            if (not redriven or change.redrive is None) and not self._ends_anew(change, before):
                return
        self._write(change, stage, before)
        self._count(change.event, change.batch, change.state, before)
        if change.state in FINAL or change.state == "RETRYING":
            self._connection.execute(ADD_TOTAL, (change.event, change.state.lower(), 1))

    def _ends_anew(self, change: StateChange, before: sqlite3.Row) -> bool:
        """Whether an ended job has come to another end, by a redrive that is announced later and is over."""
        if not change.redrive or change.run != before["run"] or not {change.state, before["state"]} <= FINAL:
            return False
        self._connection.execute(
            "UPDATE jobs SET redrive = ? WHERE number = ?", (change.redrive, before["number"])
        )
        return bool(change.state != before["state"])

    def _write(self, change: StateChange, stage: int, before: sqlite3.Row | None) -> None:
        came_to = to_fields(change.outcome)
        reason = came_to["reason"]
        values = {
            "event": change.event,
            "job": change.job,
            "batch": change.batch,
            "state": change.state,
            "run": change.run,
            "stage": stage,
            "attempts": change.attempts,
            "node": change.node,
            "reason": reason,
            "alike": shared(reason, change.job) if reason else None,
            "log": came_to["log"],
            "products": json.dumps(came_to["products"]),
            "queued": change.queued,
            "started": change.started,
            "ended": (change.ended or time.time()) if change.state in FINAL else None,
            "updated": time.time(),
        }
        if before is None:
            self._batch_of(change)
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

    def _remember_run(self, change: StateChange) -> None:
        if change.run == 0:
            return
        run = self._connection.execute(
            "SELECT stage, ended FROM runs WHERE event = ? AND job = ? AND run = ?",
            (change.event, change.job, change.run),
        ).fetchone()
        stage = STAGE[change.state]
        if run is not None and stage <= run["stage"]:
            return
        state = RUN_STATE.get(change.state, change.state)
        came_to = to_fields(change.outcome)
        self._connection.execute(
            "INSERT INTO runs (event, job, run, stage, state, node, reason, log, started, ended)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event, job, run) DO UPDATE SET"
            " stage = excluded.stage, state = excluded.state, node = excluded.node, reason = excluded.reason,"
            " log = excluded.log, started = coalesce(excluded.started, started), ended = excluded.ended",
            (
                *(change.event, change.job, change.run, stage, state, change.node),
                *(came_to["reason"], came_to["log"]),
                *(change.started, change.ended),
            ),
        )
        if run is None and change.run == 1 and change.started and change.queued:
            self._observe(change.event, "queued", change.started - change.queued)
        if change.started and change.ended and (run is None or run["ended"] is None):
            self._observe(change.event, "run", change.ended - change.started)

    def _batch_of(self, announcement: StateChange | Redrive) -> None:
        if announcement.batch is not None:
            self._connection.execute(
                "INSERT OR IGNORE INTO batches (batch, event, seen) VALUES (?, ?, ?)",
                (announcement.batch, announcement.event, time.time()),
            )

    def _submission(self, batch: Submission) -> None:
        self._connection.execute(
            "INSERT INTO batches (batch, event, jobs, submitted, seen) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (batch, event) DO UPDATE SET jobs = excluded.jobs, submitted = excluded.submitted",
            (batch.batch, batch.event, batch.jobs, batch.submitted, time.time()),
        )

    def _redrive(self, redrive: Redrive) -> None:
        before = self._job(redrive.event, redrive.job)
        if before is None:
            # Its runs are unknown; the next one will be later than the first.
            self._batch_of(redrive)
            self._connection.execute(
                "INSERT INTO jobs"
                " (event, job, batch, state, run, stage, attempts, products, updated, redrive)"
                " VALUES (?, ?, ?, 'QUEUED', 0, ?, 0, '[]', ?, ?)",
                (redrive.event, redrive.job, redrive.batch, STAGE["QUEUED"], time.time(), redrive.redrive),
            )
        elif before["state"] == "DEAD" and before["redrive"] != redrive.redrive:
            self._connection.execute(
                "UPDATE jobs SET state = 'QUEUED', stage = ?, attempts = 0, ended = NULL, updated = ?,"
                " redrive = ? WHERE number = ?",
                (STAGE["QUEUED"], time.time(), redrive.redrive, before["number"]),
            )
        else:
            return
        self._count(redrive.event, redrive.batch, "QUEUED", before)

    def _job(self, event: str, job: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(
            "SELECT * FROM jobs WHERE event = ? AND job = ?", (event, job)
        ).fetchone()
        return found

    def _count(self, event: str, batch: str | None, state: str, before: sqlite3.Row | None) -> None:
        if batch is not None and (before is None or before["batch"] is None):
            self._connection.execute(
                "UPDATE batches SET known = known + 1 WHERE event = ? AND batch = ?", (event, batch)
            )
        now = time.time()
        changes = [(event, batch or "", state, 1, now)]
        if before is not None:
            batch = before["batch"] or batch
            changes = [
                (event, before["batch"] or "", before["state"], -1, now),
                (event, batch or "", state, 1, now),
            ]
        self._connection.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?, ?) ON CONFLICT (event, batch, state)"
            " DO UPDATE SET jobs = jobs + excluded.jobs, updated = excluded.updated",
            changes,
        )

    def _observe(self, event: str, name: str, seconds: float) -> None:
        bound = next((f"{bound}" for bound in BOUNDS if seconds <= bound), "+Inf")
        for total, amount in ((f"{name}:{bound}", 1.0), (f"{name}:sum", max(0.0, seconds))):
            self._connection.execute(ADD_TOTAL, (event, total, amount))
