"""Run journals: what consumer, Workflow Manager and gateway write about each run, followed as they grow.

They are local to the container: a file for each run, a JSON object on each line. inotify reports every
change, so nothing here polls.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inotify_simple import INotify, flags

from runtime import names
from runtime.records.ledger import parse_lines
from runtime.records.verdict import Line

RUNS = "runs"
# The instances that one event starts besides the first: the run's id, a tilde, and a UUID.
SIBLING = re.compile(r"(.+)~[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FILE_MODE = 0o660
READ_BYTES = 64 * 1024


class Journal:
    """One run's journal as read so far.

    If its event has started several workflows, each but the first has an instance and a journal file of its
    own.

    Raises FileNotFoundError. The file stays open until ``close``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self.siblings: dict[str, Journal] = {}
        self._changed = asyncio.Event()
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._incomplete = b""
        self.read()

    @property
    def run_id(self) -> str:
        return self.path.stem

    @property
    def instances(self) -> dict[str, list[Line]]:
        """What is known of each workflow instance of the run, by the instance's id."""
        return {journal.run_id: list(journal.lines) for journal in (self, *self.siblings.values())}

    @property
    def opening(self) -> dict[str, Any] | None:
        """The consumer's first line; None if this is no run of a job."""
        return next((dict(line) for line in self.lines if line["kind"] == "opened"), None)

    @property
    def boot(self) -> str | None:
        """The Workflow Manager process that has the run."""
        return next((line["wm"] for line in self.lines if line["kind"] == "instance"), None)

    def read(self) -> None:
        """Take in what was appended since the last time."""
        content = self._incomplete
        while chunk := os.read(self._file, READ_BYTES):
            content += chunk
        lines, _, self._incomplete = content.rpartition(b"\n")
        self.lines += parse_lines(lines)

    def close(self) -> None:
        for journal in (self, *self.siblings.values()):
            os.close(journal._file)

    def wake(self) -> None:
        """Make those who wait for this journal look again."""
        self._changed.set()

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()


class Journals:
    """The journals of this container's jobs. Work that the Workflow Manager got directly is not followed."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._runs = run_dir / RUNS
        self._followed: dict[str, Journal] = {}
        self._inotify = INotify(nonblocking=True)

    def follow(self) -> None:
        """Begin to read journals as they grow, and those that an earlier process of this container left."""
        self._runs.mkdir(parents=True, exist_ok=True)
        self._watches = {
            self._inotify.add_watch(self._runs, flags.CREATE | flags.MODIFY): self._on_journal,
            self._inotify.add_watch(self._run_dir, flags.MOVED_TO): self._on_run_dir,
        }
        asyncio.get_running_loop().add_reader(self._inotify.fileno(), self._on_change)
        for path in self._runs.glob("*.jsonl"):
            journal = Journal(path)
            if journal.opening:
                self._followed[journal.run_id] = journal
            else:
                journal.close()
        self._read_all()

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inotify.fileno())
        self._inotify.close()

    def __iter__(self) -> Iterator[Journal]:
        return iter(list(self._followed.values()))

    def open(self, run_id: str, **fields: Any) -> Journal:
        """Begin the journal of a run, before anything can be written about it."""
        path = self._runs / f"{run_id}.jsonl"
        append(path, {"kind": "opened", "at": time.time(), **fields}, create=True)
        journal = self._followed[run_id] = Journal(path)
        return journal

    def discard(self, journal: Journal) -> None:
        """The run is over and settled."""
        del self._followed[journal.run_id]
        journal.close()
        for each in (journal, *journal.siblings.values()):
            each.path.unlink(missing_ok=True)

    def _on_change(self) -> None:
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                self._read_all()
            elif event.wd in self._watches:
                self._watches[event.wd](event.name)

    def _read_all(self) -> None:
        for path in self._runs.glob("*.jsonl"):
            self._on_journal(path.name)

    def _on_journal(self, name: str) -> None:
        run_id = name.removesuffix(".jsonl")
        sibling = SIBLING.fullmatch(run_id)
        if owner := self._followed.get(run_id):
            owner.read()
        elif sibling is None or not (owner := self._followed.get(sibling.group(1))):
            return
        elif run_id in owner.siblings:
            owner.siblings[run_id].read()
        else:
            owner.siblings[run_id] = Journal(self._runs / name)
        owner.wake()

    def _on_run_dir(self, name: str) -> None:
        if name == names.BOOT_FILE:
            for journal in self:
                journal.wake()


def append(path: Path, line: dict[str, Any], *, create: bool = False) -> None:
    """Add a line with one write, so that writers never mix. Unless ``create``, the file must exist."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if create else 0), FILE_MODE)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
