"""The history as it is read: batches, jobs, runs, and the totals behind the metrics."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtime.messaging.announcements import FINAL
from runtime.status_service import schema
from runtime.status_service.moment import Moment

Record = dict[str, Any]
# Executes a query, with its parameters.
Rows = Callable[..., list[sqlite3.Row]]

JOB_FIELDS = (
    *("event", "batch", "state", "run", "attempts", "node", "reason"),
    *("queued", "started", "ended", "updated"),
)
FILTERS = ("event", "batch", "state", "node", "job", "reason")
# The filters that few jobs match, the most selective first. SQLite does not know which they are.
SELECTIVE = ("job", "reason", "alike", "batch", "node")
NEWEST = "ORDER BY seen DESC LIMIT ?"
# So many of them are looked at for their reasons.
MOST_RETRYING = 5000
# They have an index with the state.
WITH_STATE = ("batch", "node")


class History:
    """Questions to the history. Every method may block on the disk.

    Each is answered from a connection of its own: it waits neither for another question nor for a writer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def batches(self, *, limit: int) -> list[Record]:
        """The newest batches."""
        return _batches(self._rows, NEWEST, limit)

    def batch(self, batch: str, *, event: str | None = None) -> list[Record]:
        """The batches of this name: one, unless several events have one."""
        return [
            each
            for each in _batches(self._rows, "WHERE batch = ? ORDER BY event", batch)
            if event in {None, each["event"]}
        ]

    def jobs(
        self,
        filters: Mapping[str, str],
        *,
        limit: int,
        before: int | None = None,
        ended_from: float | None = None,
        ended_to: float | None = None,
    ) -> list[Record]:
        """Jobs that match, the newest first; ``before`` is the number of the last one of the page before.

        Jobs of a time, if they are chosen by nothing that few jobs match, are in the order of their ends.
        The reason is a job's own, or one that ``reasons`` tells.
        """
        if "reason" in filters and self._rows("SELECT 1 FROM jobs WHERE alike = :reason LIMIT 1", filters):
            filters = {**filters, "alike": filters["reason"]}
            del filters["reason"]
        of_time = ended_from is not None or ended_to is not None
        leading = next((name for name in SELECTIVE if name in filters), "ended" if of_time else None)
        terms = [f"{_by_index(name, leading)} = :{name}" for name in (*FILTERS, "alike") if name in filters]
        ended = _by_index("ended", leading)
        if ended_from is not None:
            terms.append(f"{ended} >= :ended_from")
        if ended_to is not None:
            terms.append(f"{ended} < :ended_to")
        order, earlier = "number DESC", "number < :before"
        if leading == "ended":
            order = "ended DESC, number DESC"
            earlier = "(ended, number) < (SELECT ended, number FROM jobs WHERE number = :before)"
        if before is not None:
            terms.append(earlier)
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        rows = self._rows(
            f"SELECT * FROM jobs {where} ORDER BY {order} LIMIT :limit",
            {**filters, "before": before, "limit": limit, "ended_from": ended_from, "ended_to": ended_to},
        )
        return [_job(row) for row in rows]

    def job(self, event: str, job: str) -> Record | None:
        """A job with its runs. A job that has not begun is known by its batch only."""
        rows = self._rows("SELECT * FROM jobs WHERE event = ? AND job = ?", (event, job))
        if not rows:
            return self._not_begun(event, job)
        runs = self._rows(
            "SELECT run, state, node, reason, log, started, ended FROM runs WHERE event = ? AND job = ?"
            " ORDER BY run",
            (event, job),
        )
        return {**_job(rows[0]), "log": rows[0]["log"], "runs": [dict(run) for run in runs]}

    def find(self, job: str) -> list[Record]:
        """The jobs of this id: one, unless several events have one."""
        rows = self._rows("SELECT event FROM jobs WHERE job = ?", (job,))
        events = [row["event"] for row in rows]
        if not events:
            batch = self._rows("SELECT event FROM batches WHERE batch = ?", (job.rpartition(".")[0],))
            events = [row["event"] for row in batch]
        return [found for event in events if (found := self.job(event, job))]

    def open_jobs(self, event: str, batch: str) -> list[str]:
        """The batch's jobs that have begun and not ended."""
        rows = self._rows(
            "SELECT job FROM jobs WHERE +event = ? AND batch = ? AND ended IS NULL", (event, batch)
        )
        return [row["job"] for row in rows]

    def reasons(self, *, event: str | None, batch: str | None, limit: int) -> list[Record]:
        """Why jobs are dead, the most frequent reason first. What is one job's own in it is left out."""
        return self.reasons_and_rest(event=event, batch=batch, limit=limit)[0]

    def reasons_and_rest(
        self, *, event: str | None, batch: str | None, limit: int
    ) -> tuple[list[Record], int]:
        """As ``reasons``, and how many jobs are dead for others."""
        dead = (
            "FROM jobs INDEXED BY dead_jobs WHERE state = 'DEAD'"
            " AND (:event IS NULL OR event = :event) AND (:batch IS NULL OR batch = :batch)"
        )
        # A sum over the groups would take three times as long where there are as many of them as jobs.
        rows = self._rows(
            "SELECT event, alike AS reason, count(*) AS jobs, max(job) AS example,"
            f" (SELECT count(*) {dead}) AS all_jobs {dead}"
            " GROUP BY event, alike ORDER BY jobs DESC LIMIT :limit",
            {"event": event, "batch": batch, "limit": limit},
        )
        return _with_rest(rows)

    def reasons_to_retry(self, *, limit: int) -> tuple[list[Record], int]:
        """Why the newest jobs that wait for another run have failed, the most frequent reason first.

        And how many of them have failed for others.
        """
        rows = self._rows(
            "SELECT event, alike AS reason, count(*) AS jobs, max(job) AS example,"
            " sum(count(*)) OVER () AS all_jobs FROM"
            " (SELECT event, alike, job FROM jobs WHERE state = 'RETRYING' ORDER BY number DESC LIMIT :most)"
            " GROUP BY event, alike ORDER BY jobs DESC LIMIT :limit",
            {"most": MOST_RETRYING, "limit": limit},
        )
        return _with_rest(rows)

    def dead_alike(self, event: str, reason: str, *, batch: str | None) -> dict[str, int]:
        """Jobs that are dead for this reason, as ``reasons`` tells it, by batch; of none: an empty name."""
        rows = self._rows(
            "SELECT coalesce(batch, '') AS batch, count(*) AS jobs FROM jobs INDEXED BY dead_jobs"
            " WHERE state = 'DEAD' AND event = :event AND alike = :reason"
            " AND (:batch IS NULL OR batch = :batch) GROUP BY batch ORDER BY jobs DESC",
            {"event": event, "reason": reason, "batch": batch},
        )
        return {row["batch"]: row["jobs"] for row in rows}

    def runs_of_batch(self, event: str, batch: str, *, limit: int) -> list[Record]:
        """The runs of the batch's newest jobs that have begun, in the order of their start."""
        rows = self._rows(
            """
            SELECT job, run, runs.state, runs.node, runs.started, runs.ended
            FROM (
                SELECT job FROM jobs WHERE batch = :batch AND +event = :event
                ORDER BY number DESC LIMIT :limit
            ) CROSS JOIN runs USING (job) WHERE runs.event = :event AND runs.started IS NOT NULL
            ORDER BY runs.started
            """,
            {"event": event, "batch": batch, "limit": limit},
        )
        return [dict(row) for row in rows]

    def samples(self, since: int, event: str | None, step: int) -> list[Record]:
        """One sample each STEP seconds, of one event or of all together."""
        of_event = "AND event = :event" if event is not None else ""
        rows = self._rows(
            f"""
            SELECT at, sum(queued) AS queued, sum(running) AS running,
                sum(succeeded) AS succeeded, sum(dead) AS dead
            FROM samples WHERE at >= :since {of_event}
            AND at IN (SELECT max(at) FROM samples WHERE at >= :since GROUP BY at / :step)
            GROUP BY at ORDER BY at
            """,
            {"since": since, "event": event, "step": step},
        )
        return [dict(row) for row in rows]

    def oldest_samples(self, since: int) -> dict[str, Record]:
        """The first sample of each event since then."""
        rows = self._rows(
            "SELECT event, min(at) AS at, succeeded, dead FROM samples WHERE at >= ? GROUP BY event", (since,)
        )
        return {row["event"]: dict(row) for row in rows}

    def deaths(self, since: float) -> dict[str, int]:
        """Jobs that have died since then, in unix seconds, by event."""
        rows = self._rows(
            "SELECT event, count(*) AS jobs FROM jobs INDEXED BY jobs_by_end"
            " WHERE ended > ? AND state = 'DEAD' GROUP BY event",
            (since,),
        )
        return {row["event"]: row["jobs"] for row in rows}

    def states(self) -> dict[str, dict[str, int]]:
        """Jobs by their state now, for each event."""
        return _states(self._rows)

    def moment(self, batches: int) -> Moment:
        """The counts now, with the newest BATCHES."""
        with self._reading() as rows:
            waiting = rows(
                "SELECT event, sum(coalesce(submitted, jobs) - known) AS jobs, max(seen) AS seen FROM batches"
                " WHERE coalesce(submitted, jobs) > known GROUP BY event"
            )
            running = rows(
                "SELECT event, node, count(*) AS jobs FROM jobs WHERE state = 'RUNNING' GROUP BY event, node"
            )
            return Moment(
                at=time.time(),
                batches=_batches(rows, NEWEST, batches),
                states=_states(rows),
                waiting={row["event"]: row["jobs"] for row in waiting},
                running={(row["event"], row["node"] or ""): row["jobs"] for row in running},
                changed={row["event"]: max(row["seen"], _newest(rows, row["event"])) for row in waiting},
            )

    def totals(self) -> dict[str, dict[str, float]]:
        """What only grows, for each event."""
        found: dict[str, dict[str, float]] = {}
        for row in self._rows("SELECT event, name, value FROM totals"):
            found.setdefault(row["event"], {})[row["name"]] = row["value"]
        return found

    def _not_begun(self, event: str, job: str) -> Record | None:
        batch, _, number = job.rpartition(".")
        known = self._rows(
            "SELECT coalesce(submitted, jobs, 0) AS jobs FROM batches WHERE batch = ? AND event = ?",
            (batch, event),
        )
        if not known or not number.isdecimal() or not 1 <= int(number) <= known[0]["jobs"]:
            return None
        nothing = dict.fromkeys(JOB_FIELDS)
        return {
            "job": job,
            **nothing,
            "event": event,
            "batch": batch,
            "state": "QUEUED",
            "run": 0,
            "attempts": 0,
            "products": [],
            "log": None,
            "runs": [],
        }

    def _rows(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        with self._reading() as rows:
            return rows(sql, parameters)

    @contextmanager
    def _reading(self) -> Iterator[Rows]:
        """All that is asked within it is of one moment."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = schema.connect_to_read(self._path)
        try:
            connection.execute("BEGIN")
            yield lambda sql, parameters=(): connection.execute(sql, parameters).fetchall()
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)


def _with_rest(rows: list[sqlite3.Row]) -> tuple[list[Record], int]:
    """Reasons, and how many jobs there are of those that the limit has left out."""
    reasons = [{name: row[name] for name in ("event", "reason", "jobs", "example")} for row in rows]
    return reasons, sum(row["all_jobs"] for row in rows[:1]) - sum(each["jobs"] for each in reasons)


def _states(rows: Rows) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows("SELECT event, state, sum(jobs) AS jobs FROM counts GROUP BY event, state"):
        found.setdefault(row["event"], {})[row["state"]] = row["jobs"]
    return found


def _newest(rows: Rows, event: str) -> float:
    found = rows("SELECT updated FROM jobs WHERE event = ? ORDER BY number DESC LIMIT 1", (event,))
    return max((row["updated"] for row in found), default=0.0)


def _batches(rows: Rows, condition: str, parameter: object) -> list[Record]:
    columns = "batch, event, jobs, submitted, cancelled, seen"
    batches = [dict(row) for row in rows(f"SELECT {columns} FROM batches {condition}", (parameter,))]
    for batch in batches:
        counts = rows(
            "SELECT state, jobs, updated FROM counts WHERE event = ? AND batch = ?",
            (batch["event"], batch["batch"]),
        )
        states = {row["state"]: row["jobs"] for row in counts if row["jobs"]}
        known = sum(states.values())
        batch["cancelled"] = bool(batch["cancelled"])
        sent = batch["submitted"] if batch["submitted"] is not None else batch["jobs"]
        batch["waiting"] = max(0, (sent or 0) - known)
        batch["states"] = states
        batch["ended"] = sum(states.get(state, 0) for state in FINAL)
        batch["done"] = sent is not None and batch["ended"] >= sent
        batch["changed"] = max([batch["seen"], *(row["updated"] for row in counts)])
        batch["jobs"] = batch["jobs"] if batch["jobs"] is not None else known
    return batches


def _job(row: sqlite3.Row) -> Record:
    fields = {name: row[name] for name in JOB_FIELDS}
    return {"job": row["job"], **fields, "products": json.loads(row["products"]), "number": row["number"]}


def _by_index(column: str, leading: str | None) -> str:
    """The column, with the sign that keeps SQLite from its index where the index of LEADING is better."""
    if leading is None or column == leading or (column == "state" and leading in WITH_STATE):
        return column
    return f"+{column}"
