"""Plans what can be deleted on the share, and deletes it.

Nothing that a job may still need is deleted. What is newer than the start of the oldest job that has not
ended stays. The record of a job stays until the job has ended and its message cannot come any more.
"""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from runtime.cli.nofollow import NoFollowFolder
from runtime.oodt.catalogue import Catalogue
from runtime.oodt.file_manager import RECEIVED, place_of
from runtime.records import entries

# The clocks of the nodes and of the share may differ by this much.
MARGIN_SECONDS = 60.0
# The archive has a folder for each product type, and jobs one for each workflow. These stay.
KEPT_DEPTH = 1
RECORD_DEPTH = 2


@dataclass(frozen=True, kw_only=True)
class Share:
    """The folders that all nodes have in common."""

    archive: Path
    jobs: Path
    ledger: Path


@dataclass(kw_only=True)
class Part:
    """What can be deleted of one kind."""

    paths: list[PurePath] = field(default_factory=list)
    size: int = 0

    def add(self, path: PurePath, size: int = 0) -> None:
        self.paths.append(path)
        self.size += size


@dataclass(kw_only=True)
class Plan:
    """All that can be deleted. A catalogue entry is deleted before its files, so no entry is left without.

    Entries whose files are gone already are deleted too: nothing else would ever remove them.
    """

    horizon: float
    unfinished: int = 0
    products: Part = field(default_factory=Part)
    catalogue: list[dict[str, Any]] = field(default_factory=list)
    jobs: Part = field(default_factory=Part)
    ledger: Part = field(default_factory=Part)


def records(ledger: Path) -> Iterator[tuple[PurePath, list[entries.Entry]]]:
    """Each job's folder in the ledger and its history."""
    with NoFollowFolder(ledger) as folder:
        found = [path for path, _ in folder.entries(RECORD_DEPTH) if not path.parts[0].startswith(".")]
    for path in found:
        if history := entries.read_all(ledger / path):
            yield path, history


def plan(
    share: Share, catalogue: Catalogue, *, parts: Collection[str], age: float, busy: Set[str] | None
) -> Plan:
    """What can be deleted of these parts, if it is older than AGE seconds.

    BUSY are the events that the broker has jobs of; None if that is not known. May raise as Catalogue does.
    """
    histories = list(records(share.ledger))
    begun = [
        next((entry["started"] for entry in history if entry["kind"] == "run"), 0.0)
        for _, history in histories
        if history[-1]["kind"] != "verdict"
    ]
    now = time.time()
    made = Plan(
        horizon=min(now - age, *(start - MARGIN_SECONDS for start in begun), now), unfinished=len(begun)
    )
    if "products" in parts:
        _products(made, share, catalogue)
    if "jobs" in parts:
        with NoFollowFolder(share.jobs) as folder:
            for path, about in folder.entries(KEPT_DEPTH + 1):
                if about.st_ctime <= made.horizon:
                    made.jobs.add(path)
    if "ledger" in parts:
        for path, history in histories:
            if _is_over(history[-1], made.horizon, path.parts[0], busy):
                made.ledger.add(path)
    return made


def carry_out(made: Plan, share: Share, catalogue: Catalogue) -> None:
    """Delete what the plan says. Some of it may be gone already."""
    for product in made.catalogue:
        catalogue.remove(product)
    for root, part in ((share.archive, made.products), (share.jobs, made.jobs), (share.ledger, made.ledger)):
        if part.paths:
            with NoFollowFolder(root) as folder:
                for path in part.paths:
                    folder.remove(path)
                folder.remove_empty_folders(below=KEPT_DEPTH)


def _products(made: Plan, share: Share, catalogue: Catalogue) -> None:
    with NoFollowFolder(share.archive) as folder:
        for path, about in folder.files():
            # A file that is moved here keeps its other times. This one is when its name or owner changed.
            if about.st_ctime <= made.horizon:
                made.products.add(path, about.st_size)
    going = {place_of(str(share.archive / path)) for path in made.products.paths}
    for product, files in catalogue.products():
        # OODT lists a folder and the files in it. The files decide.
        others = [file for file in files if file not in going and not os.path.isdir(file)]
        if others:
            gone = all(_is_gone(file, share.archive) for file in others)
            goes = gone and _was_archived(product, catalogue, made.horizon)
        else:
            goes = not going.isdisjoint(files)
        if goes:
            made.catalogue.append(product)


def _is_gone(file: str, archive: Path) -> bool:
    """Whether a file that was in the archive has been deleted, by an earlier clean-up or by hand."""
    root = PurePath(place_of(str(archive)))
    path = PurePath(file)
    if not path.is_relative_to(root):
        return False
    # The folder of a product type is never deleted. If it is missing, the share may not be mounted.
    kept = archive.joinpath(*path.relative_to(root).parts[:1])
    return kept.is_dir() and not os.path.lexists(file)


def _was_archived(product: Mapping[str, Any], catalogue: Catalogue, horizon: float) -> bool:
    """Whether the product's files have arrived in the archive."""
    if product["transferStatus"] != RECEIVED:
        return False
    received = catalogue.received(product)
    # This node may see the files of another one a moment later.
    return received is not None and received <= horizon - MARGIN_SECONDS


def _is_over(last: entries.Entry, horizon: float, event: str, busy: Set[str] | None) -> bool:
    if last["kind"] != "verdict" or last["ended"] > horizon:
        return False
    # The message of a cancelled job may still be queued. Only the record keeps it from running.
    return last["state"] != "CANCELLED" or (busy is not None and event not in busy)
