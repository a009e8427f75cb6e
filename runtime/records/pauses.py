"""Which events are paused: no worker takes jobs of them until an operator resumes them.

A file LEDGER/.paused/EVENT says that an event is paused, by whom and since when.
"""

import contextlib
import os
import time
from pathlib import Path

from runtime.records import entries
from runtime.records.entries import Entry

FOLDER = ".paused"
FOLDER_MODE = 0o700
# How often a worker looks.
LOOK_SECONDS = 2.0


class Pauses:
    """The paused events of a ledger. Every method may block on the shared disk."""

    def __init__(self, ledger: Path) -> None:
        self._folder = ledger / FOLDER

    def names(self) -> set[str]:
        """The paused events."""
        return {name for name in entries.listing(self._folder) if not name.startswith(".")}

    def all(self) -> dict[str, Entry]:
        """The paused events, each with ``who`` paused it, and when in unix seconds: ``at``."""
        found = {}
        for name in self.names():
            with contextlib.suppress(FileNotFoundError):
                found[name] = entries.read(self._folder / name)
        return found

    def pause(self, event: str, *, who: str) -> bool:
        """Let no worker take jobs of the event; false if it was paused already."""
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with entries.draft(self._folder, {"who": who, "at": time.time()}) as draft:
            try:
                os.link(draft, self._folder / event)
            except FileExistsError:
                return False
        entries.sync(self._folder)
        return True

    def resume(self, event: str) -> bool:
        """Let workers take jobs of the event again; false if it was not paused."""
        try:
            (self._folder / event).unlink()
        except FileNotFoundError:
            return False
        entries.sync(self._folder)
        return True
