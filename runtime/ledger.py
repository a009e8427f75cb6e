"""The record of jobs on the shared disk: who runs a job now, what its runs came to, its products, its verdict.

    LEDGER/EVENT/JOB/run-N.json        the N-th run; while it has no "ended", its modification time is the lease
                     products-N.jsonl  what that run put into the catalogue, written by the gateway
                     verdict.json      the end of the job, written once, before the message is acknowledged

Everything rests on two properties that a local disk and NFS share: link() fails if the name exists, and rename() is atomic.
A run is claimed by linking run-N.json: of two workers that both saw run N-1 abandoned, one succeeds. Lease ages are measured
on the disk's own clock, by the time that it gives to a file written just now, since the clocks of nodes differ.
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

from runtime import verdict as verdicts

LEASE_SECONDS = 30.0
RENEW_SECONDS = LEASE_SECONDS / 3
# PGEs run under another user of the same group; the ledger is none of their business.
FOLDER_MODE = 0o700
RUN_PREFIX = "run-"

RunState = Literal["failed", "interrupted", "succeeded"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a job that this worker holds the lease of."""

    job: str
    number: int
    folder: Path
    failures: int = 0
    interruptions: int = 0

    @property
    def id(self) -> str:
        """The job's id for its first run, so that OODT's folders and products carry it; later runs add their number."""
        return self.job if self.number == 1 else f"{self.job}-{self.number}"

    @property
    def record(self) -> Path:
        return self.folder / f"{RUN_PREFIX}{self.number}.json"

    @property
    def products(self) -> Path:
        return self.folder / f"products-{self.number}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Held:
    """Another worker runs the job."""

    node: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The end of a job."""

    state: Literal["SUCCEEDED", "DEAD", "CANCELLED"]
    attempts: int
    node: str
    reason: str | None = None
    products: tuple[Mapping[str, Any], ...] = ()
    queued: float | None = None
    started: float | None = None
    ended: float


class Ledger:
    """The ledger as one worker uses it. Every method may block on the shared disk."""

    def __init__(self, root: Path, *, node: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self._root = root
        self._node = node
        self._owner = f"{node}/{uuid.uuid4().hex}"
        self._lease_seconds = lease_seconds

    def claim(self, event: str, job: str) -> Run | Held | Verdict:
        """Begin the job's next run, unless it has ended or another worker is at it."""
        folder = self._root / event / job
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if settled := self.verdict(folder):
            return settled
        records = _records(folder)
        number = max(records, default=0) + 1
        run = Run(
            job=job,
            number=number,
            folder=folder,
            failures=sum(record.get("state") == "failed" for record in records.values()),
            # A run without an end is one whose worker is gone.
            interruptions=sum(
                record.get("state", "interrupted") == "interrupted" for record in records.values()
            ),
        )
        begun = {"run": number, "owner": self._owner, "node": self._node, "started": time.time()}
        with _temporary(folder, begun) as draft:
            last = records.get(number - 1, {"ended": 0})
            if "ended" not in last and self._alive(folder / f"{RUN_PREFIX}{number - 1}.json", _now(draft)):
                return Held(node=last.get("node", "unknown"))
            try:
                os.link(draft, run.record)
            except FileExistsError:
                return Held(node=_read(run.record).get("node", "unknown"))
        # The former holder may have come to its verdict while we looked.
        if settled := self.verdict(folder):
            self.end(run, "interrupted", "the job had already ended")
            return settled
        return run

    def adopt(self, run: Run) -> bool:
        """Go on with a run that an earlier process of this container began; False if it is no longer ours to go on with."""
        if not self.is_current(run.folder, run.number):
            return False
        self._replace(run.record, {**_read(run.record), "owner": self._owner})
        return True

    def renew(self, run: Run) -> bool:
        """Keep the lease; False if another worker has begun a later run, or this one was ended."""
        if not self.is_current(run.folder, run.number):
            return False
        os.utime(run.record)
        return True

    def is_current(self, folder: Path, number: int) -> bool:
        """Whether run NUMBER is the latest one and has not ended. What it does counts; what other runs do is refused."""
        records = _records(folder)
        return max(records, default=0) == number and "ended" not in records[number]

    def end(self, run: Run, state: RunState, reason: str | None = None) -> None:
        """Record what the run came to, which also gives its lease back."""
        self._replace(
            run.record, {**_read(run.record), "ended": time.time(), "state": state, "reason": reason}
        )

    def settle(self, run: Run, verdict: Verdict) -> Verdict:
        """Write the job's verdict; if there is one already, that one stands and is returned."""
        with _temporary(run.folder, _as_json(verdict)) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, run.folder / "verdict.json")
        _sync_folder(run.folder)
        standing = self.verdict(run.folder)
        assert standing is not None
        return standing

    def verdict(self, folder: Path) -> Verdict | None:
        try:
            fields = _read(folder / "verdict.json")
        except FileNotFoundError:
            return None
        return Verdict(**{**fields, "products": tuple(fields["products"])})

    def products(self, folder: Path) -> dict[int, list[dict[str, Any]]]:
        """What each run's product journal says, by the run's number."""
        found = {}
        for path in folder.glob("products-*.jsonl"):
            found[int(path.stem.removeprefix("products-"))] = read_lines(path)
        return found

    def append_product(self, path: Path, line: Mapping[str, Any]) -> None:
        """Add a line to a run's product journal, on the disk before this returns."""
        created = not path.exists()
        with open(path, "ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
            os.fsync(file.fileno())
        if created:
            _sync_folder(path.parent)

    def started(self, run: Run) -> float | None:
        """When the run began, in unix seconds."""
        started: float | None = _read(run.record).get("started")
        return started

    def _alive(self, record: Path, now: float) -> bool:
        return now - _modified(record) < self._lease_seconds

    def _replace(self, path: Path, content: Mapping[str, Any]) -> None:
        with _temporary(path.parent, content) as draft:
            os.replace(draft, path)
        _sync_folder(path.parent)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a journal. A last line without its end was being written when its writer died."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in content.split(b"\n")[:-1] if line]


def describe(products: tuple[verdicts.Product, ...]) -> tuple[dict[str, Any], ...]:
    """Products as a verdict and an event list them."""
    return tuple(
        {"id": product.id, "name": product.name, "type": product.type, "archived": list(product.archived)}
        for product in products
    )


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {**vars(verdict), "products": list(verdict.products)}


def _records(folder: Path) -> dict[int, dict[str, Any]]:
    """The job's runs by number. Listing the folder makes an NFS client ask the server, where looking up a name may not."""
    try:
        entries = os.listdir(folder)
    except FileNotFoundError:
        return {}
    numbers = [
        int(name[len(RUN_PREFIX) : -len(".json")])
        for name in entries
        if name.startswith(RUN_PREFIX) and name.endswith(".json")
    ]
    return {number: _read(folder / f"{RUN_PREFIX}{number}.json") for number in sorted(numbers)}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def _modified(path: Path) -> float:
    # Opening a file makes an NFS client ask the server for its times; a bare stat may answer from a cache a minute old.
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_mtime


def _now(fresh: Path) -> float:
    os.utime(fresh)
    return _modified(fresh)


@contextlib.contextmanager
def _temporary(folder: Path, content: Mapping[str, Any]) -> Iterator[Path]:
    """A file with this content, safely on the disk, to be linked or renamed to its name."""
    draft = folder / f".{uuid.uuid4().hex}"
    try:
        with open(draft, "xb") as file:
            file.write(json.dumps(content).encode())
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
