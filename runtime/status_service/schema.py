"""The history's tables, and how a file of an earlier version becomes one of this version."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from runtime.messaging.alike import shared

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
BUSY_SECONDS = 30.0

# Each step makes version N+1 of version N. A step that was released is never changed.
STEPS = (
    """
    CREATE TABLE batches (
        batch TEXT PRIMARY KEY,
        event TEXT NOT NULL,
        jobs INTEGER,              -- unknown if the announcement was not heard
        submitted INTEGER,         -- unknown until its submission has ended
        cancelled INTEGER NOT NULL DEFAULT 0,
        seen REAL NOT NULL
    );
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        event TEXT NOT NULL,
        job TEXT NOT NULL,
        batch TEXT,
        state TEXT NOT NULL,
        run INTEGER NOT NULL,      -- run and stage put the state changes of a job in order
        stage INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        node TEXT,
        reason TEXT,
        products TEXT NOT NULL,
        queued REAL,
        started REAL,
        ended REAL,
        updated REAL NOT NULL,
        redrive TEXT,
        UNIQUE (event, job)
    );
    CREATE INDEX jobs_by_id ON jobs (job);
    CREATE INDEX jobs_by_batch ON jobs (batch, number);
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE INDEX jobs_by_end ON jobs (ended);
    CREATE TABLE runs (
        event TEXT NOT NULL,
        job TEXT NOT NULL,
        run INTEGER NOT NULL,
        stage INTEGER NOT NULL,
        state TEXT NOT NULL,
        node TEXT,
        reason TEXT,
        started REAL,
        ended REAL,
        PRIMARY KEY (event, job, run)
    ) WITHOUT ROWID;
    -- Jobs by their state now; those of a batch stay counted when they are forgotten.
    CREATE TABLE counts (
        event TEXT NOT NULL,
        batch TEXT NOT NULL,       -- empty for jobs of no batch
        state TEXT NOT NULL,
        jobs INTEGER NOT NULL,
        PRIMARY KEY (event, batch, state)
    ) WITHOUT ROWID;
    -- What only grows: for metrics. Buckets of a histogram are named NAME:BOUND.
    CREATE TABLE totals (
        event TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (event, name)
    ) WITHOUT ROWID;
    """,
    """
    -- The last of what the task that failed has written.
    ALTER TABLE jobs ADD COLUMN log TEXT;
    ALTER TABLE runs ADD COLUMN log TEXT;
    """,
    """
    -- Two events may have batches of one name.
    ALTER TABLE batches RENAME TO earlier;
    CREATE TABLE batches (
        batch TEXT NOT NULL,
        event TEXT NOT NULL,
        jobs INTEGER,              -- unknown if the announcement was not heard
        submitted INTEGER,         -- unknown until its submission has ended
        cancelled INTEGER NOT NULL DEFAULT 0,
        seen REAL NOT NULL,
        PRIMARY KEY (batch, event)
    );
    INSERT INTO batches SELECT batch, event, jobs, submitted, cancelled, seen FROM earlier;
    DROP TABLE earlier;
    """,
    """
    -- Jobs of the batch that were heard of, so that what waits can be counted without a look at each batch.
    ALTER TABLE batches ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
    UPDATE batches SET known = coalesce((
        SELECT sum(jobs) FROM counts WHERE counts.event = batches.event AND counts.batch = batches.batch
    ), 0);
    CREATE INDEX batches_that_wait ON batches (event) WHERE coalesce(submitted, jobs) > known;
    CREATE INDEX batches_by_age ON batches (seen);
    -- One for each way in which pages of jobs are asked for.
    CREATE INDEX jobs_by_event ON jobs (event, state, number);
    CREATE INDEX jobs_of_event ON jobs (event, number);
    CREATE INDEX jobs_by_node ON jobs (node, state, number);
    CREATE INDEX jobs_of_node ON jobs (node, number);
    CREATE INDEX jobs_by_reason ON jobs (reason, number) WHERE reason IS NOT NULL;
    CREATE INDEX jobs_by_batch_and_state ON jobs (batch, state, number);
    CREATE INDEX dead_jobs ON jobs (event, reason, batch, job, updated) WHERE state = 'DEAD';
    -- The numbers of an event over time, for lines. succeeded and dead only grow.
    CREATE TABLE samples (
        at INTEGER NOT NULL,
        event TEXT NOT NULL,
        queued INTEGER NOT NULL,
        running INTEGER NOT NULL,
        succeeded INTEGER NOT NULL,
        dead INTEGER NOT NULL,
        PRIMARY KEY (at, event)
    ) WITHOUT ROWID;
    """,
    """
    -- What changed beside the jobs: nodes, services, containers that ended by themselves, operators' actions.
    CREATE TABLE changes (
        number INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,     -- the node's, the service's or the action's name
        what TEXT NOT NULL,
        who TEXT,
        event TEXT,
        batch TEXT,                -- if all jobs that it concerned are of one
        key TEXT UNIQUE            -- of a change that may be seen more than once
    );
    -- The jobs that an action concerned, and the values of metadata that it has replaced.
    CREATE TABLE changed_jobs (
        event TEXT NOT NULL,
        job TEXT NOT NULL,
        number INTEGER NOT NULL,
        before TEXT NOT NULL,
        PRIMARY KEY (event, job, number)
    ) WITHOUT ROWID;
    CREATE INDEX changed_jobs_by_number ON changed_jobs (number);
    -- The newest facts by their kind, so that what changes while this service is away is noticed.
    CREATE TABLE facts (
        kind TEXT PRIMARY KEY,
        content TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    -- They have what else pages of jobs are filtered by: a job that does not match is passed over without a
    -- look at its row.
    DROP INDEX jobs_by_batch;
    DROP INDEX jobs_of_node;
    DROP INDEX jobs_by_reason;
    DROP INDEX jobs_by_end;
    CREATE INDEX jobs_of_batch ON jobs (batch, number, event, state, node, ended);
    CREATE INDEX jobs_of_node ON jobs (node, number, event, state, ended);
    CREATE INDEX jobs_by_reason ON jobs (reason, number, event, state, batch, node, ended)
        WHERE reason IS NOT NULL;
    CREATE INDEX jobs_by_end ON jobs (ended, number, event, state) WHERE ended IS NOT NULL;
    -- When a batch was heard of last is asked for with each look at it.
    ALTER TABLE counts ADD COLUMN updated REAL NOT NULL DEFAULT 0;
    """,
    """
    -- The reason without what is the one job's own.
    ALTER TABLE jobs ADD COLUMN alike TEXT;
    UPDATE jobs SET alike = reason WHERE reason IS NOT NULL;
    CREATE INDEX jobs_alike ON jobs (alike, number, event, state, batch, node, ended)
        WHERE alike IS NOT NULL;
    DROP INDEX dead_jobs;
    CREATE INDEX dead_jobs ON jobs (event, alike, batch, job, updated) WHERE state = 'DEAD';
    """,
    """
    -- There may be as many batches as jobs, and all their counts are added up twice a second.
    CREATE INDEX counts_by_state ON counts (event, state, jobs);
    """,
    """
    -- The rule is another: a redrive of a group compares the group's reason with those of messages by it.
    UPDATE jobs SET alike = shared(reason, job)
        WHERE reason IS NOT NULL AND alike IS NOT shared(reason, job);
    """,
)


class Unreadable(Exception):
    """The file was written by a later version."""


def log_step(text: str) -> None:
    log.info("%s", text)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a history that is there; raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def connect(path: Path, tell: Tell = log_step) -> sqlite3.Connection:
    """The history in this file, made or brought to this version; raises Unreadable, sqlite3.Error.

    TELL is called with each step of an earlier version, before it begins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = connect_to_read(path)
    connection.execute("PRAGMA journal_mode = WAL")
    # An announcement is acknowledged after its commit, so the commit has to be on the disk.
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(STEPS):
        raise Unreadable(
            f"{path} has version {version} and this program knows {len(STEPS)}: "
            "use the newer program, or move the file away to begin a new history"
        )
    connection.create_function("shared", 2, shared, deterministic=True)
    for number, step in enumerate(STEPS[version:], start=version + 1):
        if version:
            tell(f"the history is brought to this version, step {number} of {len(STEPS)}")
        connection.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
    return connection
