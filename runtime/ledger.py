"""The record of jobs on the shared disk: who runs a job now, what its runs came to, its verdict.

A job's folder LEDGER/EVENT/JOB holds its history as numbered entries, 0001.json, 0002.json, ...: a run
begins, a run has ended, the job has ended. An entry is appended by linking a complete file to the next
number, and link() fails if that name exists, on a local disk as on NFS. So of two workers that act on the
same state exactly one succeeds, and the other learns that it was late: a run is claimed once, and a worker
that was out of reach cannot settle a job that another has taken over.

While the last entry is a run, its modification time is that run's lease. Ages are taken on the disk's own
clock, by the time that it gives to a file written just now, since the clocks of nodes differ.

products-N.jsonl beside the entries is what run N put into the catalogue, written by the gateway.
"""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# PGEs run under another user of the same group; the ledger is none of their business.
FOLDER_MODE = 0o700
ENTRY_SUFFIX = ".json"

JobEnd = Literal["SUCCEEDED", "DEAD", "CANCELLED"]
RunEnd = Literal["failed", "interrupted", "succeeded"]
Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a job, which this worker holds the lease of."""

    job: str
    number: int
    folder: Path
    entry: int
    started: float
    failures: int
    interruptions: int

    @property
    def id(self) -> str:
        """The job's id for its first run, so that folders and products carry it; later runs add a number."""
        return self.job if self.number == 1 else f"{self.job}-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Held:
    """Another worker runs the job."""

    node: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The end of a job. Times are unix seconds."""

    state: JobEnd
    attempts: int
    node: str
    reason: str | None = None
    products: tuple[Mapping[str, Any], ...] = ()
    started: float | None = None
    ended: float


class Superseded(Exception):
    """Another worker has acted on the job since; the run does not count any more."""


class Ledger:
    """The ledger as one worker uses it. Every method may block on the shared disk."""

    def __init__(self, root: Path, *, node: str, lease: float) -> None:
        self._root = root
        self._node = node
        self.lease = lease

    def claim(self, event: str, job: str) -> Run | Held | Verdict:
        """Begin the job's next run, unless the job has ended or another worker is at it."""
        folder = self._root / event / job
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        entries = _entries(folder)
        last = entries[-1] if entries else {"kind": "new"}
        if last["kind"] == "verdict":
            return _verdict(last)
        run = _run(job, folder, entries, started=time.time())
        begun = {"kind": "run", "run": run.number, "node": self._node, "started": run.started}
        with _draft(folder, begun) as draft:
            if last["kind"] == "run" and not self._expired(_path(folder, len(entries)), _modified(draft)):
                return Held(node=last["node"])
            try:
                _append(folder, run.entry, draft)
            except Superseded:
                return Held(node="another node")
        return run

    def adopt(self, event: str, job: str, number: int) -> Run | None:
        """A run that an earlier process of this container began; None if it is not the current one."""
        folder = self._root / event / job
        entries = _entries(folder)
        if not _current(entries, number):
            return None
        return _run(job, folder, entries[:-1], started=entries[-1]["started"])

    def renew(self, run: Run) -> None:
        """Keep the lease; raises Superseded."""
        if not self.is_current(run.folder, run.number):
            raise Superseded(run.id)
        os.utime(_path(run.folder, run.entry))

    def is_current(self, folder: Path, number: int) -> bool:
        """Whether run NUMBER goes on. What it produces counts; what other runs produce is refused."""
        numbers = _numbers(folder)
        return bool(numbers) and _current([_read(_path(folder, numbers[-1]))], number)

    def end(self, run: Run, state: RunEnd, reason: str | None) -> None:
        """Record what the run came to, which also gives its lease back; raises Superseded."""
        ended = {"kind": "ended", "run": run.number, "state": state, "reason": reason, "at": time.time()}
        with _draft(run.folder, ended) as draft:
            _append(run.folder, run.entry + 1, draft)

    def settle(self, run: Run, verdict: Verdict) -> None:
        """Record the job's end; raises Superseded."""
        content = {"kind": "verdict", "run": run.number, **vars(verdict), "products": list(verdict.products)}
        with _draft(run.folder, content) as draft:
            _append(run.folder, run.entry + 1, draft)

    def verdict(self, event: str, job: str) -> Verdict | None:
        """How the job ended; None if it has not."""
        entries = _entries(self._root / event / job)
        return _verdict(entries[-1]) if entries and entries[-1]["kind"] == "verdict" else None

    def products(self, folder: Path) -> dict[int, list[Entry]]:
        """The lines of each run's product journal, by the run's number."""
        return {
            int(path.stem.removeprefix("products-")): list(parse_lines(path.read_bytes()))
            for path in folder.glob("products-*.jsonl")
        }

    def add_product_line(self, folder: Path, number: int, line: Mapping[str, Any]) -> None:
        """Add a line to a run's product journal; it is on the disk before this returns."""
        path = folder / f"products-{number}.jsonl"
        created = not path.exists()
        with open(path, "ab", buffering=0) as file:
            # The line break comes first as well, in case a writer that died has left a part of a line.
            file.write(b"\n" + json.dumps(line).encode() + b"\n")
            os.fsync(file.fileno())
        if created:
            _sync(folder)

    def _expired(self, entry: Path, now: float) -> bool:
        return now - _modified(entry) >= self.lease


def parse_lines(content: bytes) -> Iterator[Entry]:
    """The lines of a journal that were written whole. A writer that died may have left a part of one."""
    for text in content.split(b"\n"):
        with contextlib.suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and "kind" in line:
                yield line


def _run(job: str, folder: Path, earlier: list[Entry], *, started: float) -> Run:
    runs = sum(entry["kind"] == "run" for entry in earlier)
    ends = [entry["state"] for entry in earlier if entry["kind"] == "ended"]
    failures = ends.count("failed")
    return Run(
        job=job,
        number=runs + 1,
        folder=folder,
        entry=len(earlier) + 1,
        started=started,
        failures=failures,
        # A run without an end is one whose worker is gone.
        interruptions=runs - failures,
    )


def _current(entries: list[Entry], number: int) -> bool:
    return bool(entries) and entries[-1]["kind"] == "run" and entries[-1]["run"] == number


def _verdict(entry: Entry) -> Verdict:
    fields = {key: entry[key] for key in Verdict.__dataclass_fields__}
    return Verdict(**{**fields, "products": tuple(fields["products"])})


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:04}{ENTRY_SUFFIX}"


def _numbers(folder: Path) -> list[int]:
    # An NFS client asks the server for a listing, where it may answer for a single name from its cache.
    try:
        listing = os.listdir(folder)
    except FileNotFoundError:
        return []
    stems = [name.removesuffix(ENTRY_SUFFIX) for name in listing if name.endswith(ENTRY_SUFFIX)]
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _entries(folder: Path) -> list[Entry]:
    return [_read(_path(folder, number)) for number in _numbers(folder)]


def _read(path: Path) -> Entry:
    content: Entry = json.loads(path.read_bytes())
    return content


def _modified(path: Path) -> float:
    # To open a file makes an NFS client ask the server for its times; stat alone may answer from a cache.
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_mtime


@contextlib.contextmanager
def _draft(folder: Path, content: Entry) -> Iterator[Path]:
    """A complete file, safely on the disk, that is not an entry yet."""
    draft = folder / f".{uuid.uuid4().hex}"
    try:
        with open(draft, "xb") as file:
            file.write(json.dumps(content).encode())
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _append(folder: Path, number: int, draft: Path) -> None:
    try:
        os.link(draft, _path(folder, number))
    except FileExistsError:
        raise Superseded(f"{folder} has an entry {number} already") from None
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
