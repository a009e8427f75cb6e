"""What changed beside the jobs: nodes, services, containers, and what operators did."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from runtime.messaging.announcements import Action, Touched
from runtime.messaging.facts import Swarm, swarm_of
from runtime.status_service import schema

Record = dict[str, Any]
Kind = Literal["node", "service", "container", "action"]

# So many are remembered.
KEPT = 10_000
FILTERS = ("kind", "event", "batch")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change, in unix seconds. One with the ``key`` of another is the same and is recorded once."""

    at: float
    kind: Kind
    subject: str
    what: str
    who: str | None = None
    event: str | None = None
    batch: str | None = None
    key: str | None = None
    jobs: tuple[Touched, ...] = ()


class Changes:
    """The list in the history's file, and the facts that the next changes are found by.

    Every method may block on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._connection = schema.connect(path)
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add(self, changes: Iterable[Change], *, swarm: Swarm | None = None) -> None:
        """Record changes, and the facts after them; all are on the disk when this returns."""
        with self._lock:
            db = self._connection
            db.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    insert(db, change)
                if swarm is not None:
                    content = json.dumps(asdict(swarm))
                    db.execute("INSERT OR REPLACE INTO facts VALUES ('swarm', ?)", (content,))
                for table in ("changes", "changed_jobs"):
                    db.execute(
                        f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM changes) - ?", (KEPT,)
                    )
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def swarm(self) -> Swarm | None:
        """The swarm after the last change; None if it was never seen, or by another version."""
        rows = self._rows("SELECT content FROM facts WHERE kind = 'swarm'")
        try:
            return swarm_of(json.loads(rows[0]["content"])) if rows else None
        except (LookupError, TypeError, ValueError):
            return None

    def of_job(self, event: str, job: str) -> list[Record]:
        """What operators did to a job, the newest first; ``before`` are metadata that were replaced."""
        rows = self._rows(
            "SELECT at, subject, what, who, before FROM changed_jobs JOIN changes USING (number)"
            " WHERE changed_jobs.event = ? AND changed_jobs.job = ? ORDER BY number DESC",
            (event, job),
        )
        return [{**dict(row), "before": json.loads(row["before"])} for row in rows]

    def listed(self, filters: Record, *, limit: int, before: int | None = None) -> list[Record]:
        """Changes that match, the newest first; ``before`` is the number of the previous page's last."""
        terms = [f"{name} = :{name}" for name in FILTERS if name in filters]
        if before is not None:
            terms.append("number < :before")
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        rows = self._rows(
            "SELECT number, at, kind, subject, what, who, event, batch"
            f" FROM changes {where} ORDER BY number DESC LIMIT :limit",
            {**filters, "before": before, "limit": limit},
        )
        return [dict(row) for row in rows]

    def _rows(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


def insert(db: sqlite3.Connection, change: Change) -> None:
    """Record a change within a transaction of the caller's, unless one with its key is there."""
    fields = vars(change)
    added = db.execute(
        "INSERT OR IGNORE INTO changes (at, kind, subject, what, who, event, batch, key)"
        " VALUES (:at, :kind, :subject, :what, :who, :event, :batch, :key)",
        {name: fields[name] for name in fields if name != "jobs"},
    )
    if added.rowcount:
        db.executemany(
            "INSERT OR IGNORE INTO changed_jobs VALUES (?, ?, ?, ?)",
            [
                (change.event, touched.job, added.lastrowid, json.dumps(touched.before))
                for touched in change.jobs
            ],
        )


def change_of(action: Action) -> Change:
    """An operator's action as a change."""
    batches = {touched.batch for touched in action.jobs}
    return Change(
        at=action.at,
        kind="action",
        subject=action.action,
        what=action.what,
        who=action.who,
        event=action.event,
        batch=batches.pop() if len(batches) == 1 else None,
        key=f"action {action.id}",
        jobs=action.jobs,
    )
