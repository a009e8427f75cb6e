"""Compares catalogue and archive with the ledger, and mends what does not agree.

The catalogue is read first and the ledger after it: a run is in the ledger before it ingests.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import PurePath

from runtime import names
from runtime.cli.cleaning import below, was_archived, was_there
from runtime.cli.findings import Example, Findings
from runtime.cli.terminal import tell
from runtime.oodt.file_manager import FileManager, Product, place_of
from runtime.records import entries
from runtime.records.entries import Entry
from runtime.records.journal import SIBLING
from runtime.records.ledger import JOINT, Ledger
from runtime.records.nofollow import NoFollowFolder

# Products of a run are removed after the verdict, so for so long they are no finding.
SETTLED_SECONDS = 600.0
TELL_EACH = 10_000


class Unmounted(OSError):
    """The archive does not look as if it were mounted."""


class Comparison:
    """One look at catalogue and archive. UNTIL is the time from which on all that comes into being stays."""

    def __init__(
        self,
        archive: NoFollowFolder,
        ledger: Ledger,
        file_manager: FileManager,
        findings: Findings,
        *,
        until: float,
    ) -> None:
        self._archive = archive
        self._ledger = ledger
        self._file_manager = file_manager
        self._findings = findings
        self._until = until
        self._now = time.time()
        # Digests, since there may be millions.
        self._whole: set[int] = set()
        self._places: set[int] = set()

    async def products(self) -> None:
        """Look at each product in the catalogue."""
        number = 0
        async for product, files in self._file_manager.products():
            number += 1
            if number % TELL_EACH == 0:
                tell(f"catalogue: {number} products")
            if await self._is_orphan(product, files):
                continue
            lacking = [file for file in files if not self._is_there(file)]
            self._places.update(_digest(place) for place in files)
            if not lacking:
                self._whole.add(_digest(str(product["id"])))
            elif await was_archived(product, self._file_manager, self._now):
                example = Example(product=str(product["id"]), path=lacking[0])
                if self._findings.add("missing", example):
                    await self._file_manager.forget(product)
                    self._findings.mended("missing")

    async def files(self) -> None:
        """Look at each file in the archive; after ``products``."""
        for path, about in self._archive.files():
            place = place_of(str(self._archive.root / path))
            if about.st_ctime > self._until or self._has_product(PurePath(place)):
                continue
            if self._findings.add("unknown", Example(path=place)):
                await self._file_manager.remove_unused(place)
                self._findings.mended("unknown")

    async def lacks(self, product: Entry) -> bool:
        """Whether the catalogue lacks a product of a verdict, or the archive its files."""
        if _digest(product["id"]) in self._whole:
            return False
        # It may be newer than the look at the catalogue.
        files = await self._file_manager.has(product["id"])
        return files is None or not all(self._is_there(file) for file in files)

    def _has_product(self, place: PurePath) -> bool:
        """Whether the file, or a folder that it is in, is a product's."""
        above = (each for each in place.parents if len(each.parts) > len(self._archive.root.parts) + 1)
        return any(_digest(str(each)) in self._places for each in (place, *above))

    def _is_there(self, file: str) -> bool:
        path = below(file, self._archive)
        if path is None:
            return True  # It is elsewhere, and nothing is known of that place.
        if self._archive.about(path) is not None:
            return True
        if not was_there(path, self._archive):
            kept = self._archive.root / path.parts[0]
            raise Unmounted(f"{kept} is missing, as if the archive were not mounted: mount it or restore it")
        return False

    async def _is_orphan(self, product: Product, files: list[str]) -> bool:
        """Whether the product is not to be there; it is noted, and perhaps gone then."""
        identity = str(product["id"])
        run = await self._file_manager.instance(product)
        sibling = SIBLING.fullmatch(run) if run else None
        run = sibling.group(1) if sibling else run
        known = list(self._histories(run)) if run else []
        if run is None or not known:
            self._findings.add("unrecorded", Example(run=run, product=identity, path=_first(files)))
            return False
        for event, job, history in known:
            begun = next((entry for entry in history if entry.get("id") == run), None)
            if begun is None:
                continue
            last = history[-1]
            if last["kind"] != "verdict" or last["ended"] > self._now - SETTLED_SECONDS:
                return False  # The next run, or whoever has given the verdict, removes it.
            if (last["state"], last["run"]) != ("SUCCEEDED", begun["run"]):
                return await self._orphan(product, files, Example(event=event, job=job, run=run))
            if identity not in {each["id"] for each in last["products"]}:
                example = Example(event=event, job=job, run=run, product=identity, path=_first(files))
                self._findings.add("unrecorded", example)
            return False
        event, job, _ = known[0]
        return await self._orphan(product, files, Example(event=event, job=job, run=run))

    async def _orphan(self, product: Product, files: list[str], whose: Example) -> bool:
        identity = str(product["id"])
        example = Example(**{**vars(whose), "product": identity, "path": _first(files)})
        if self._findings.add("orphans", example):
            await self._file_manager.remove(identity, str(product["name"]), files)
            self._findings.mended("orphans")
        else:
            self._places.update(_digest(place) for place in files)
        return True

    def _histories(self, run: str) -> Iterator[tuple[str, str, list[Entry]]]:
        """Event, id and history of the jobs that the run may belong to."""
        job = run.partition(JOINT)[0]
        if names.SAFE_ID.fullmatch(job):
            for folder in self._ledger.folders(job):
                if history := entries.read_all(folder):
                    yield folder.parent.name, job, history


def _first(files: list[str]) -> str | None:
    return files[0] if files else None


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
