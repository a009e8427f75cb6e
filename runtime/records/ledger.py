"""The record of jobs on the shared disk: who runs a job now, what its runs came to, its verdict.

A job's folder LEDGER/EVENT/JOB holds its history as numbered entries (runtime/records/entries.py): a run
begins, a run has ended, the job has ended, the dead job was redriven, perhaps with other metadata. Of two
workers that act on the same state exactly one can append the next entry, and the other learns that it was
late: a run is claimed once, and a worker that was out of reach cannot settle a job that another has taken
over. To cancel a job is to append its end: its worker notices when it renews the lease.

While the last entry is a run, the entry's modification time is that run's lease. The clocks of nodes differ,
so its age is measured by the disk's own clock: by the time that the disk gives to a file written just now.

products-N.jsonl beside the entries says what run N put into the catalogue. The gateway writes it.
journal-N.jsonl.gz is the journal of run N, once that is over. It is for people.
The file `answered` is for a job whose message had no id. It says that this message was acknowledged: another
message with the same body and time is another job.
The file `discarded` says that the message of the dead job was thrown away on purpose.
The file `deleted` says that an operator has deleted the job's products, or has begun to.
The time of the file LEDGER/.cleaned says up to when products were deleted on purpose.
A file LEDGER/EVENT/.cancelled/BATCH says that no job of the batch may begin.
A folder LEDGER/EVENT/.ENTRY-HEX is the record of a job that is forgotten: it is about to be removed.
"""

import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runtime import names, outcome
from runtime.outcome import Outcome, Result
from runtime.records import entries
from runtime.records.entries import Entry, EntryExists

# Joins the parts of a run's id; no job's id holds it.
JOINT = "~"
EVENT_DIGITS = 8
# Programs run as another user of the same group. They must not read the ledger.
FOLDER_MODE = 0o700
CANCELLED_BATCHES = ".cancelled"
ANSWERED = "answered"
DISCARDED = "discarded"
DELETED = "deleted"
CLEANED = ".cleaned"
# A record that is set aside, by the number of its last entry.
ASIDE = re.compile(r"\.(\d+)-[0-9a-f]{32}")

JobEnd = Literal["SUCCEEDED", "DEAD", "CANCELLED"]
# The job's end for each result of its last run, and the result as it is read back.
END: dict[Result, JobEnd] = {
    "succeeded": "SUCCEEDED",
    "failed": "DEAD",
    "interrupted": "DEAD",
    "cancelled": "CANCELLED",
}
RESULT: dict[JobEnd, Result] = {"SUCCEEDED": "succeeded", "DEAD": "failed", "CANCELLED": "cancelled"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a job. This worker holds its lease.

    ``id`` names the run in the whole cluster: files, folders, workflow instances.
    """

    id: str
    number: int
    folder: Path
    entry: int
    started: float
    failures: int
    interruptions: int


@dataclass(frozen=True, kw_only=True)
class RunsElsewhere:
    """Another worker runs the job."""

    node: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The end of a job: the outcome of its ``run``-th run (0: before the first). Times are unix seconds."""

    outcome: Outcome
    attempts: int
    node: str
    run: int = 0
    started: float | None = None
    ended: float

    @property
    def state(self) -> JobEnd:
        return END[self.outcome.result]


@dataclass(frozen=True, kw_only=True)
class OtherJob:
    """The id belongs to a job with other metadata."""


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """The job's metadata was edited since. The message with the edited ones is the job's."""


class Superseded(Exception):
    """Another worker or a cancellation has ended the run: it does not count any more."""


class Ledger:
    """The ledger as one worker uses it. Every method may block on the shared disk."""

    def __init__(self, root: Path, *, node: str, lease: float, gateway: str = "") -> None:
        self._root = root
        self._node = node
        self._gateway = gateway
        self.lease = lease

    def claim(
        self,
        event: str,
        job: str,
        *,
        batch: str | None = None,
        redrive: str | None = None,
        digest: str = "",
        edited: Sequence[str] = (),
        message: Entry | None = None,
    ) -> Run | RunsElsewhere | Verdict | OtherJob | Replaced:
        """Begin the job's next run, unless the job has ended or another worker is at it.

        A REDRIVE that was not seen before reopens a dead job, and its attempts are counted anew. A job keeps
        the DIGEST of its metadata from its first run on, and its MESSAGE, so that it can be sent again. A
        redrive may replace them: EDITED are the digests of the metadata that the message had before.
        """
        folder = self.folder(event, job)
        history = entries.read_all(folder)
        whose = _whose(history, digest, edited, redrive)
        if isinstance(whose, OtherJob | Replaced):
            return whose
        if batch is not None and self._batch_cancelled(event, batch):
            return self.cancel(event, job, redrive=redrive)
        edit: Entry = {}
        if whose == "edited":
            edit = {"redrive": redrive, "digest": digest, "message": message, "replaces": list(edited)}
        try:
            self._reopen(folder, history, redrive, edit)
            last = history[-1] if history else {"kind": "new"}
            if last["kind"] == "verdict":
                return _verdict(last)
            run_id = self._run_id(event, job, _number(history))
            run = _run(folder, history, id=run_id, started=time.time())
            begun = {
                "kind": "run",
                "id": run.id,
                "run": run.number,
                "node": self._node,
                "gateway": self._gateway,
                "started": run.started,
                "digest": digest,
            }
            if whose == "edited" and last.get("digest") != digest:
                begun |= edit
            elif message is not None and message_of(history) is None:
                begun["message"] = message
            with entries.draft(folder, begun) as draft:
                if last["kind"] == "run" and not self._expired(folder, history, entries.modified(draft)):
                    return RunsElsewhere(node=last["node"])
                entries.append(folder, run.entry, draft)
        except EntryExists:
            return RunsElsewhere(node="another node")
        return run

    def knows(self, event: str, job: str) -> bool:
        """Whether anything is on record of the job."""
        return bool(entries.numbers(self._root / event / job))

    def reserve(self, event: str, job: str) -> bool:
        """Make the job's folder; false if it is there."""
        (self._root / event).mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        try:
            (self._root / event / job).mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            return False
        return True

    def note_answered(self, event: str, job: str) -> None:
        """Record that the message which gave the job its derived id is about to be acknowledged."""
        (self.folder(event, job) / ANSWERED).touch()

    def is_answered(self, event: str, job: str) -> bool:
        return entries.exists(self._root / event / job / ANSWERED)

    def adopt(self, event: str, job: str, number: int) -> Run | None:
        """A run that an earlier process of this container began; None if it is not the current one."""
        folder = self._root / event / job
        history = entries.read_all(folder)
        if not _current(history, number):
            return None
        return _run(folder, history[:-1], id=history[-1]["id"], started=history[-1]["started"])

    def renew(self, run: Run) -> None:
        """Keep the lease; raises Superseded."""
        if not self.is_current(run.folder, run.number):
            raise Superseded(run.id)
        os.utime(entries.path(run.folder, run.entry))

    def is_current(self, folder: Path, number: int) -> bool:
        """Whether run NUMBER goes on. Only its products count."""
        numbers = entries.numbers(folder)
        return bool(numbers) and _current([entries.read(entries.path(folder, numbers[-1]))], number)

    def end(self, run: Run, came_to: Outcome) -> None:
        """Record what the run came to, which also gives its lease back; raises Superseded."""
        ended = {
            "kind": "ended",
            "run": run.number,
            "state": came_to.result,
            "reason": came_to.reason,
            "log": came_to.log,
            "at": time.time(),
        }
        self._add(run, ended)

    def settle(self, run: Run, verdict: Verdict) -> None:
        """Record the job's end; raises Superseded."""
        self._add(run, _entry(verdict))

    def verdict(self, event: str, job: str) -> Verdict | None:
        """How the job ended; None if it has not."""
        history = entries.read_all(self._root / event / job)
        return _verdict(history[-1]) if history and history[-1]["kind"] == "verdict" else None

    def cancel(self, event: str, job: str, *, redrive: str | None = None) -> Verdict:
        """End the job, wherever it is; the answer is how it had ended already, if it had.

        A job that was dead and is queued again by REDRIVE has not ended.
        """
        return self._conclude(
            event, job, Outcome(result="cancelled", reason="it was cancelled"), redrive=redrive
        )

    def give_up(
        self,
        event: str,
        job: str,
        reason: str,
        *,
        digest: str = "",
        edited: Sequence[str] = (),
        redrive: str | None = None,
    ) -> Verdict | RunsElsewhere | OtherJob | Replaced:
        """End a job that has no message any more, unless a worker runs it; how it had ended, if it had."""
        folder = self.folder(event, job)
        history = entries.read_all(folder)
        whose = _whose(history, digest, edited, redrive)
        if isinstance(whose, OtherJob | Replaced):
            return whose
        if history and history[-1]["kind"] == "run":
            with entries.draft(folder, {}) as draft:
                if not self._expired(folder, history, entries.modified(draft)):
                    return RunsElsewhere(node=history[-1]["node"])
        return self._conclude(event, job, Outcome(result="failed", reason=reason))

    def _conclude(self, event: str, job: str, came_to: Outcome, *, redrive: str | None = None) -> Verdict:
        folder = self.folder(event, job)
        while True:
            history = entries.read_all(folder)
            with contextlib.suppress(EntryExists):
                self._reopen(folder, history, redrive)
            if history and history[-1]["kind"] == "verdict":
                return _verdict(history[-1])
            last = _run(folder, history)
            verdict = Verdict(
                outcome=came_to,
                attempts=last.failures + (bool(history) and history[-1]["kind"] == "run"),
                node=self._node,
                run=last.number - 1,
                ended=time.time(),
            )
            with contextlib.suppress(EntryExists):
                entries.add(folder, len(history) + 1, _entry(verdict))
                return verdict

    def _reopen(
        self, folder: Path, history: list[Entry], redrive: str | None, edit: Entry | None = None
    ) -> None:
        """Give a dead job another chance, perhaps with an EDIT, if REDRIVE is new. Raises EntryExists."""
        if history and history[-1].get("state") == "DEAD" and _is_new(redrive, history):
            reopened = _reopened(redrive) | (edit or {})
            entries.add(folder, len(history) + 1, reopened)
            history.append(reopened)

    def repeat(self, event: str, job: str, *, entry: int, redrive: str) -> bool:
        """Let a job that has ended run again; false if its last entry is not ENTRY any more."""
        try:
            entries.add(self._root / event / job, entry + 1, _reopened(redrive))
        except (EntryExists, FileNotFoundError):
            return False
        return True

    def cancel_batch(self, event: str, batch: str) -> None:
        """Record that no job of the batch may begin any more."""
        folder = self._root / event / CANCELLED_BATCHES
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        (folder / batch).touch()
        entries.sync(folder)

    def cancelled_batches(self) -> Iterator[tuple[str, str, float]]:
        """Event and name of each cancelled batch, and when it was cancelled, in unix seconds."""
        for path in self._root.glob(f"*/{CANCELLED_BATCHES}/*"):
            with contextlib.suppress(FileNotFoundError):
                yield path.parent.parent.name, path.name, path.stat().st_mtime

    def forget_batch(self, event: str, batch: str) -> None:
        """Forget that the batch was cancelled, so that its name can be used again."""
        (self._root / event / CANCELLED_BATCHES / batch).unlink(missing_ok=True)

    def set_aside(self, event: str, job: str, *, entry: int) -> Path | None:
        """Take the record of a job whose last entry is ENTRY from its place, and return where it is then.

        None if there is a later entry by now, or no record. The job may begin anew; whoever has called this
        is to `remove` the record.
        """
        folder = self._root / event / job
        # Under another name nobody can append to it.
        aside = folder.with_name(f".{entry}-{uuid.uuid4().hex}")
        # An NFS server may rename it and die before it answers. The client asks again and finds nothing.
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        numbers = entries.numbers(aside)
        if numbers and numbers[-1] != entry:
            aside.rename(folder)
            return None
        return aside if numbers else None

    def left_aside(self) -> Iterator[Path]:
        """The records that were set aside, and have not been removed or not wholly: the rest of them.

        Whoever set one aside was stopped, or is at it now.
        """
        for aside in sorted(self._root.glob("*/.*")):
            named = ASIDE.fullmatch(aside.name)
            if named and entries.numbers(aside)[-1:] in ([], [int(named[1])]):
                yield aside

    def remove(self, aside: Path) -> None:
        """Remove a record that was set aside; another process may be at it too."""
        # In the order of entries: what is left by a process that is stopped still ends with the last one.
        for number in entries.numbers(aside):
            entries.path(aside, number).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(aside)

    def discard(self, event: str, job: str) -> None:
        """Record that an operator has given up the message of a dead job, if the job has a record."""
        with contextlib.suppress(FileNotFoundError):
            (self._root / event / job / DISCARDED).touch()

    def is_discarded(self, event: str, job: str) -> bool:
        return entries.exists(self._root / event / job / DISCARDED)

    def note_deleted(self, event: str, job: str) -> None:
        """Record that an operator deletes the products of a job that has ended."""
        (self._root / event / job / DELETED).touch()

    def is_deleted(self, event: str, job: str) -> bool:
        return entries.exists(self._root / event / job / DELETED)

    def has_worker(self, event: str, job: str, history: list[Entry]) -> bool:
        """Whether the last entry of the job's HISTORY is a run whose lease is not over."""
        if not history or history[-1]["kind"] != "run":
            return False
        folder = self._root / event / job
        with entries.draft(folder, {}) as draft:
            return not self._expired(folder, history, entries.modified(draft))

    def note_cleaned(self, until: float) -> None:
        """Record that products of jobs that began until then, in unix seconds, may have been deleted."""
        latest = max(until, self.cleaned())
        mark = self._root / CLEANED
        mark.touch()
        os.utime(mark, (latest, latest))

    def cleaned(self) -> float:
        """Products of jobs that began until then may have been deleted on purpose."""
        try:
            return entries.modified(self._root / CLEANED)
        except FileNotFoundError:
            return 0.0

    def history(self, event: str, job: str) -> list[Entry]:
        return entries.read_all(self._root / event / job)

    def folders(self, job: str) -> Iterator[Path]:
        """The folders of the jobs of this id: each event may have one."""
        return self._root.glob(f"[!.]*/{job}")

    def runs(self, folder: Path) -> dict[int, str]:
        """The ids of the job's runs, by their numbers."""
        return {entry["run"]: entry["id"] for entry in entries.read_all(folder) if entry["kind"] == "run"}

    def products(self, folder: Path) -> dict[int, list[Entry]]:
        """The lines of each run's product journal, by the run's number."""
        return {
            int(path.stem.removeprefix("products-")): list(parse_lines(path.read_bytes()))
            for path in folder.glob("products-*.jsonl")
        }

    def keep_journal(self, folder: Path, number: int, lines: Iterable[Mapping[str, Any]]) -> None:
        """Keep the journal of a run that is over."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        (folder / f"journal-{number}.jsonl.gz").write_bytes(gzip.compress(content, compresslevel=6))

    def journal(self, folder: Path, number: int, most_bytes: int) -> list[Entry]:
        """The journal of a run that is over, or the beginning of a longer one; empty if none was kept."""
        try:
            with gzip.open(folder / f"journal-{number}.jsonl.gz") as file:
                return list(parse_lines(file.read(most_bytes)))
        except (OSError, EOFError, zlib.error):
            return []

    def add_product_line(self, folder: Path, number: int, line: Mapping[str, Any]) -> None:
        """Add a line to a run's product journal; it is on the disk before this returns."""
        path = folder / f"products-{number}.jsonl"
        created = not entries.exists(path)
        with open(path, "ab") as file:
            # A writer that died may have left a part of a line, so a line break comes first.
            file.write(b"\n" + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if created:
            entries.sync(folder)

    def folder(self, event: str, job: str) -> Path:
        """The folder of the job's history; it is made if it is missing."""
        folder = self._root / event / job
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        return folder

    def _run_id(self, event: str, job: str, number: int) -> str:
        """The job's id for its first run, so that folders and products carry it; later runs add a number.

        If another event has a job of this id, the event is added, in short: names of files have a limit. The
        job's folder is there before this looks for others, so of two jobs at least one sees the other.
        """
        others = {name for name in os.listdir(self._root) if not name.startswith(".")} - {event}
        if any(entries.exists(self._root / other / job) for other in others):
            return JOINT.join((job, str(number), hashlib.sha256(event.encode()).hexdigest()[:EVENT_DIGITS]))
        return job if number == 1 else JOINT.join((job, str(number)))

    def _batch_cancelled(self, event: str, batch: str) -> bool:
        # The batch's name comes from a message, which may say anything.
        path = self._root / event / CANCELLED_BATCHES / batch
        return bool(names.SAFE_ID.fullmatch(batch)) and entries.exists(path)

    def _expired(self, folder: Path, history: list[Entry], now: float) -> bool:
        return now - entries.modified(entries.path(folder, len(history))) >= self.lease

    def _add(self, run: Run, entry: Entry) -> None:
        try:
            entries.add(run.folder, run.entry + 1, entry)
        except EntryExists:
            raise Superseded(run.id) from None


def _reopened(redrive: str | None) -> Entry:
    return {"kind": "reopened", "redrive": redrive, "at": time.time()}


def parse_lines(content: bytes) -> Iterator[Entry]:
    """The complete lines of a journal. A writer that died may have left a part of one."""
    for text in content.split(b"\n"):
        with contextlib.suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and "kind" in line:
                yield line


def message_of(history: list[Entry]) -> Entry | None:
    """What the job's message is made of, after the last edit; None if no run has recorded it."""
    return next((entry["message"] for entry in reversed(history) if entry.get("message")), None)


def _run(folder: Path, earlier: list[Entry], *, id: str = "", started: float = 0) -> Run:
    reopened = max((n for n, entry in enumerate(earlier) if entry["kind"] == "reopened"), default=-1)
    runs = [entry["kind"] for entry in earlier[reopened + 1 :]].count("run")
    failures = [entry.get("state") for entry in earlier[reopened + 1 :]].count("failed")
    return Run(
        id=id,
        number=_number(earlier),
        folder=folder,
        entry=len(earlier) + 1,
        started=started,
        failures=failures,
        # A run without an end is one whose worker is gone.
        interruptions=runs - failures,
    )


def _number(earlier: list[Entry]) -> int:
    """The number of the next run."""
    return [entry["kind"] for entry in earlier].count("run") + 1


def _whose(
    history: list[Entry], digest: str, edited: Sequence[str], redrive: str | None
) -> Literal["own", "edited"] | OtherJob | Replaced:
    """Whose message it is that has metadata of this digest, and by REDRIVE no more those of the EDITED ones.

    Either digest may be unknown. The job's is the last that is on record. A redrive's edit counts once.
    """
    known = [entry["digest"] for entry in history if entry.get("digest")]
    if not digest or not known or digest == known[-1]:
        return "own"
    taken = any((entry.get("digest"), entry.get("redrive")) == (digest, redrive) for entry in history)
    if redrive is not None and known[-1] in edited and not taken:
        return "edited"
    known += [each for entry in history for each in entry.get("replaces", ())]
    return Replaced() if digest in known else OtherJob()


def _is_new(redrive: str | None, history: list[Entry]) -> bool:
    return redrive is not None and all(entry.get("redrive") != redrive for entry in history)


def _current(history: list[Entry], number: int) -> bool:
    return bool(history) and history[-1]["kind"] == "run" and history[-1]["run"] == number


def _entry(verdict: Verdict) -> Entry:
    when_and_where = {key: value for key, value in vars(verdict).items() if key != "outcome"}
    return {
        "kind": "verdict",
        "state": verdict.state,
        **outcome.to_fields(verdict.outcome),
        **when_and_where,
    }


def _verdict(entry: Entry) -> Verdict:
    when_and_where = {key: entry[key] for key in Verdict.__dataclass_fields__ if key in entry}
    return Verdict(outcome=outcome.from_fields(RESULT[entry["state"]], entry), **when_and_where)
