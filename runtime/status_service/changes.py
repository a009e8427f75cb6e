"""What changed beside the jobs: nodes, services, containers, and what operators did."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from runtime.messaging.facts import Swarm, swarm_of
from runtime.status_service import schema

Record = dict[str, Any]
Kind = Literal["node", "service", "container", "action"]

# So many are remembered.
KEPT = 10_000
FILTERS = ("kind", "event", "batch", "job")


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
    job: str | None = None
    key: str | None = None


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
        rows = [asdict(change) for change in changes]
        with self._lock:
            db = self._connection
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany(
                    "INSERT OR IGNORE INTO changes (at, kind, subject, what, who, event, batch, job, key)"
                    " VALUES (:at, :kind, :subject, :what, :who, :event, :batch, :job, :key)",
                    rows,
                )
                if swarm is not None:
                    content = json.dumps(asdict(swarm))
                    db.execute("INSERT OR REPLACE INTO facts VALUES ('swarm', ?)", (content,))
                db.execute(
                    "DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?", (KEPT,)
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

    def listed(self, filters: Record, *, limit: int, before: int | None = None) -> list[Record]:
        """Changes that match, the newest first; ``before`` is the number of the previous page's last."""
        terms = [f"{name} = :{name}" for name in FILTERS if name in filters]
        if before is not None:
            terms.append("number < :before")
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        rows = self._rows(
            "SELECT number, at, kind, subject, what, who, event, batch, job"
            f" FROM changes {where} ORDER BY number DESC LIMIT :limit",
            {**filters, "before": before, "limit": limit},
        )
        return [dict(row) for row in rows]

    def _rows(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()
