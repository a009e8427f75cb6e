"""Run journals: what consumer, Workflow Manager and gateway write about each run, followed as they grow.

They are local to the container, one file a run, one JSON object a line, and each line is one append. The
kernel tells of every change (inotify), so nothing here polls.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inotify_simple import INotify, flags

from runtime import verdict
from runtime.ledger import parse_lines
from runtime.workflow_manager import BOOT_FILE

RUNS = "runs"
FILE_MODE = 0o660


class Journal:
    """One run's journal as read so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        self._offset = 0

    @property
    def run_id(self) -> str:
        return self.path.stem

    @property
    def opening(self) -> dict[str, Any] | None:
        """The consumer's first line; None for work that came to the Workflow Manager directly."""
        return next((line for line in self.lines if line["kind"] == "opened"), None)

    @property
    def boot(self) -> str | None:
        """The Workflow Manager process that has the run."""
        return next((line["wm"] for line in self.lines if line["kind"] == "instance"), None)

    def read(self) -> None:
        """Take in what was appended since the last time."""
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        self.lines += parse_lines(content[:whole])
        self.wake()

    def wake(self) -> None:
        """Make whoever waits for this journal look again."""
        self._changed.set()

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()


class Journals:
    """All journals of this container."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._runs = run_dir / RUNS
        self._followed: dict[str, Journal] = {}
        self._inotify = INotify(nonblocking=True)

    def follow(self) -> None:
        """Begin to read journals as they grow, those first that are there already."""
        self._runs.mkdir(parents=True, exist_ok=True)
        self._watches = {
            self._inotify.add_watch(self._runs, flags.CREATE | flags.MODIFY): self._on_journal,
            self._inotify.add_watch(self._run_dir, flags.MOVED_TO | flags.CLOSE_WRITE): self._on_run_dir,
        }
        asyncio.get_running_loop().add_reader(self._inotify.fileno(), self._on_change)
        for path in sorted(self._runs.glob("*.jsonl")):
            self._on_journal(path.name)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inotify.fileno())
        self._inotify.close()

    def __iter__(self) -> Iterator[Journal]:
        return iter(list(self._followed.values()))

    def open(self, run_id: str, **fields: Any) -> Journal:
        """Begin the journal of a run, before anything can be written about it."""
        journal = Journal(self._runs / f"{run_id}.jsonl")
        append(journal.path, {"kind": "opened", "at": time.time(), **fields}, create=True)
        self._followed[journal.path.name] = journal
        journal.read()
        return journal

    def discard(self, journal: Journal) -> None:
        """The run is over and settled."""
        self._followed.pop(journal.path.name, None)
        journal.path.unlink(missing_ok=True)

    def _on_change(self) -> None:
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                for path in self._runs.glob("*.jsonl"):
                    self._on_journal(path.name)
            elif event.wd in self._watches:
                self._watches[event.wd](event.name)

    def _on_journal(self, name: str) -> None:
        if not name.endswith(".jsonl"):
            return
        journal = self._followed.get(name) or Journal(self._runs / name)
        try:
            journal.read()
        except FileNotFoundError:
            return
        self._followed[name] = journal
        if journal.opening is None and verdict.ended(journal.lines):
            # Work that came to the Workflow Manager directly: nobody waits for its verdict.
            self.discard(journal)

    def _on_run_dir(self, name: str) -> None:
        if name == BOOT_FILE:
            for journal in self:
                journal.wake()


def append(path: Path, line: dict[str, Any], *, create: bool = False) -> None:
    """Add a line with one write, so that writers never mix. Unless ``create``, the file must exist."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | (os.O_CREAT if create else 0), FILE_MODE)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
