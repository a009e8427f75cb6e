"""Counts what can be deleted on the share, and deletes it.

Nothing that a job may still need is deleted. What is newer than the start of the oldest job that has not
ended stays, but for folders and logs of runs whose own job has ended: on a full share no job ends, and these
make room. The record of a job stays until the job has ended and its message cannot come any more.
"""

import contextlib
import time
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from stat import S_ISDIR

from runtime import names
from runtime.cli.places import Share
from runtime.cli.rights import rights_in
from runtime.oodt.file_manager import RECEIVED, FileManager, Product, place_of
from runtime.records import entries
from runtime.records.ledger import JOINT, Ledger
from runtime.records.nofollow import NoFollowFolder

# The clocks of the nodes and of the share may differ by this much.
MARGIN_SECONDS = 60.0
# The archive has a folder for each product type, and jobs one for each workflow. These stay.
KEPT_DEPTH = 1
RECORD_DEPTH = 2
# While the broker has jobs of an event, a message that was sent twice may still come, and its job would run
# again if the record were gone. No message is expected to wait for so long.
BUSY_SECONDS = 7 * 86400.0
EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """What is newer than ``at``, in unix seconds, stays, because of ``unfinished`` jobs or by request.

    A job that had ended by the time ``ended`` needs nothing of what its runs have written for themselves.
    """

    at: float
    ended: float
    unfinished: int


@dataclass(kw_only=True)
class Part:
    """How much of one kind goes, in files, folders or bytes, and the first examples."""

    count: int = 0
    size: int = 0
    examples: list[PurePath] = field(default_factory=list)

    def add(self, path: PurePath, size: int = 0) -> None:
        self.count += 1
        self.size += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(path)


@dataclass(kw_only=True)
class Cleaned:
    """All that goes. ``catalogue`` is the number of entries that go, ``dead`` are messages of dead jobs."""

    products: Part = field(default_factory=Part)
    catalogue: int = 0
    jobs: Part = field(default_factory=Part)
    logs: Part = field(default_factory=Part)
    ledger: Part = field(default_factory=Part)
    dead: Part = field(default_factory=Part)


def horizon(share: Share, *, age: float) -> Horizon:
    """Only what is older than AGE seconds may go, and only if it is older than each job that has not ended.

    A job that begins from now on is newer than all that goes.
    """
    asked = until = time.time() - age
    unfinished = 0
    with rights_in(share.ledger, ledger=share.ledger):
        for _, history in records(share.ledger):
            if history[-1]["kind"] != "verdict":
                unfinished += 1
                began = next((entry["started"] for entry in history if entry["kind"] == "run"), 0.0)
                until = min(until, began - MARGIN_SECONDS)
    return Horizon(at=until, ended=asked - MARGIN_SECONDS, unfinished=unfinished)


def records(ledger: Path) -> Iterator[tuple[PurePath, list[entries.Entry]]]:
    """Each job's folder in the ledger, EVENT/JOB, and its history."""
    with NoFollowFolder(ledger) as folder:
        for path, _ in folder.entries(RECORD_DEPTH):
            if any(part.startswith(".") for part in path.parts):
                continue
            with contextlib.suppress(FileNotFoundError):  # a clean-up takes it away
                if history := entries.read_all(ledger / path):
                    yield path, history


async def clean(
    share: Share,
    file_manager: FileManager,
    *,
    parts: Collection[str],
    until: Horizon,
    busy: Set[str] | None,
    waiting: Set[PurePath] | None,
    really: bool,
) -> Cleaned:
    """What of these parts goes, if it is older than the horizon UNTIL; it is deleted if REALLY.

    BUSY are the events that the broker has jobs of; None if that is not known. WAITING are jobs, as
    EVENT/JOB, that have a message in a dead queue; None likewise. Raises OSError, and as FileManager.
    """
    gone = Cleaned()
    ledger = Ledger(share.ledger, node="clean", lease=0)
    if "products" in parts:
        if really:
            with rights_in(share.ledger, ledger=share.ledger):
                ledger.note_cleaned(until.at)
        with rights_in(share.archive, ledger=share.ledger), NoFollowFolder(share.archive) as folder:
            # An entry goes before its files, so that no entry is left without. Entries whose files are gone
            # already go too: nothing else would ever remove them.
            await _catalogue(gone, folder, file_manager, until=until.at, really=really)
            _files(gone.products, folder, until=until.at, really=really)
    if {"jobs", "logs"} & set(parts):
        _of_runs(gone, share, ledger, parts=parts, until=until, really=really)
    if "ledger" in parts:
        with rights_in(share.ledger, ledger=share.ledger):
            await _ledger(
                gone.ledger,
                share.ledger,
                file_manager,
                until=until.at,
                busy=busy,
                waiting=waiting,
                really=really,
            )
    return gone


def _of_runs(
    gone: Cleaned, share: Share, ledger: Ledger, *, parts: Collection[str], until: Horizon, really: bool
) -> None:
    """The folders and logs of runs. Who owns them may not read the ledger, so it is asked in between."""

    def goes(folder: NoFollowFolder, path: PurePath) -> None:
        (gone.logs if _is_log(path) else gone.jobs).add(path)
        if really:
            folder.remove(path)

    newer: list[PurePath] = []
    with rights_in(share.jobs, ledger=share.ledger), NoFollowFolder(share.jobs) as folder:
        for path, about in folder.entries(KEPT_DEPTH + 1):
            if ("logs" if _is_log(path) else "jobs") not in parts:
                continue
            if about.st_ctime <= until.at:
                goes(folder, path)
            elif about.st_ctime <= until.ended:
                newer.append(path)
    with rights_in(share.ledger, ledger=share.ledger):
        newer = [path for path in newer if _had_ended(ledger, path.name, until.ended)]
    with rights_in(share.jobs, ledger=share.ledger), NoFollowFolder(share.jobs) as folder:
        for path in newer:
            # The ledger was asked of all of them before. A run of the same id may have begun since.
            if (found := folder.about(path)) and found.st_ctime <= until.ended:
                goes(folder, path)


def _is_log(path: PurePath) -> bool:
    return path.parts[0] == names.RUN_LOGS


def _had_ended(ledger: Ledger, run_id: str, by: float) -> bool:
    """Whether a run is known that has this id, and its job had ended BY this time."""
    job = run_id.partition(JOINT)[0]
    if not names.SAFE_ID.fullmatch(job):
        return False
    try:
        found = [entries.read_all(folder) for folder in ledger.folders(job)]
    except FileNotFoundError:  # another clean-up takes it away
        return False
    return bool(found) and all(
        history and history[-1]["kind"] == "verdict" and history[-1]["ended"] <= by for history in found
    )


async def _catalogue(
    gone: Cleaned, archive: NoFollowFolder, file_manager: FileManager, *, until: float, really: bool
) -> None:
    async for product, files in file_manager.products():
        if await _goes(product, files, archive, file_manager, until):
            gone.catalogue += 1
            if really:
                await file_manager.forget(product)


async def _goes(
    product: Product, files: list[str], archive: NoFollowFolder, file_manager: FileManager, until: float
) -> bool:
    """Whether all of a product's files go, or are gone."""
    some_go = some_gone = False
    for file in files:
        path = below(file, archive)
        about = archive.about(path) if path else None
        if path is None or (about is None and not was_there(path, archive)):
            return False
        if about is None:
            some_gone = True
        elif S_ISDIR(about.st_mode):
            continue  # OODT lists a folder and the files in it. The files decide.
        elif about.st_ctime > until:
            return False
        else:
            some_go = True
    return some_go or (some_gone and await was_archived(product, file_manager, until))


def _files(gone: Part, archive: NoFollowFolder, *, until: float, really: bool) -> None:
    for path, about in archive.files():
        # A file that is moved here keeps its other times. This one is when its name or owner changed.
        if about.st_ctime <= until:
            gone.add(path, about.st_size)
            if really:
                archive.remove(path)
    if really:
        archive.remove_empty_folders(below=KEPT_DEPTH)


async def _ledger(
    gone: Part,
    root: Path,
    file_manager: FileManager,
    *,
    until: float,
    busy: Set[str] | None,
    waiting: Set[PurePath] | None,
    really: bool,
) -> None:
    ledger = Ledger(root, node="clean", lease=0)
    # An earlier clean-up may have been stopped. If it is still at work, both do the same, which does no harm.
    for aside in ledger.left_aside():
        gone.add(aside.relative_to(root))
        if really:
            await _forget(ledger, aside, file_manager)
    for path, history in records(root):
        event, job = path.parts
        if (waiting is None or path in waiting) and history[-1].get("state") != "DEAD":
            continue  # a redrive would run it again
        if _is_over(history[-1], until, is_busy=busy is None or event in busy):
            if really:
                if (forgotten := ledger.set_aside(event, job, entry=len(history))) is None:
                    continue
                await _forget(ledger, forgotten, file_manager)
            gone.add(path)
    for event, batch, cancelled in ledger.cancelled_batches():
        # The batch's name may be used again, unless a message of it may still come.
        if really and cancelled <= until and busy is not None and event not in busy:
            ledger.forget_batch(event, batch)


async def _forget(ledger: Ledger, aside: Path, file_manager: FileManager) -> None:
    """Reopen the runs of a record that is set aside, then remove it: another clean-up can finish this one.

    The job may be submitted again, and its runs have the same ids then.
    """
    try:
        runs = set(ledger.runs(aside).values())
    except FileNotFoundError:  # another clean-up has reopened the runs, and removes the record
        runs = set()
    # The job may have been submitted again already. A run of it that is over since stays closed.
    for anew in {aside.with_name(run_id.partition(JOINT)[0]) for run_id in runs}:
        begun = ledger.runs(anew)
        runs -= {run_id for number, run_id in begun.items() if not ledger.is_current(anew, number)}
    for run_id in sorted(runs):
        await file_manager.reopen_run(run_id)
    ledger.remove(aside)


def below(file: str, archive: NoFollowFolder) -> PurePath | None:
    """The file's path in the archive; None if it is elsewhere."""
    root, path = PurePath(place_of(str(archive.root))), PurePath(file)
    return path.relative_to(root) if path.is_relative_to(root) and path != root else None


def was_there(path: PurePath, archive: NoFollowFolder) -> bool:
    """Whether a file that is missing may have been deleted, by an earlier clean-up or by hand."""
    # The folder of a product type is never deleted. If it is missing, the share may not be mounted.
    kept = archive.about(PurePath(path.parts[0]))
    return kept is not None and S_ISDIR(kept.st_mode)


async def was_archived(product: Product, file_manager: FileManager, until: float) -> bool:
    """Whether the product's files have arrived in the archive."""
    if product["transferStatus"] != RECEIVED:
        return False
    received = await file_manager.received(product)
    # This node may see the files of another one a moment later.
    return received is not None and received <= until - MARGIN_SECONDS


def _is_over(last: entries.Entry, until: float, *, is_busy: bool) -> bool:
    if last["kind"] != "verdict" or last["ended"] > until:
        return False
    if not is_busy:
        return True
    # The message of a cancelled job may still be queued. Only the record keeps it from running.
    return last["state"] != "CANCELLED" and bool(last["ended"] <= until - BUSY_SECONDS)
