"""What File Manager calls prove about runs: each ingest is recorded in the run's journal and in the ledger.

With each ingest the crawler sends the workflow's whole metadata, so the run is always known. The ledger has a
product on its disk before the crawler gets its answer: whoever finds that the run does not count knows what
to remove.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime.oodt.file_manager import RECEIVED, path_of
from runtime.records import journal
from runtime.records.journal import SIBLING
from runtime.records.ledger import Ledger, parse_lines

INSTANCE_KEY = "WorkflowInstId"
INGEST = "filemgr.ingestProduct"
REMOVAL = "filemgr.removeProduct"
ANYBODY_WRITES = 0o222  # bits of a folder's mode
# Calls that say something about a product. Others are passed on without a look at their parameters.
RECORDED_CALLS = frozenset(
    {INGEST, "filemgr.addProductReferences", "filemgr.setProductTransferStatus", REMOVAL}
)


@dataclass(frozen=True, kw_only=True)
class ProductCall:
    """What a call says about a product. Only an ingest names the workflow instance."""

    method: str
    product: str
    name: str
    type: str
    file: str
    archived: tuple[str, ...]
    transfer_status: str
    instance: str | None = None
    client_transfers: bool = True


@dataclass(frozen=True, kw_only=True)
class RunRef:
    """Where a run's evidence is recorded: its journal, and the ledger if it is a run of a job."""

    journal: Path
    folder: Path | None
    number: int


def product_call(method: str, params: tuple[Any, ...]) -> ProductCall | None:
    """The call as far as it matters here; None if it is malformed."""
    try:
        product = params[0]
        references = product.get("references") or []
        call = ProductCall(
            method=method,
            product=product["id"],
            name=product["name"],
            type=product["type"]["name"],
            file=path_of(references[0]["origReference"]) if references else "",
            archived=tuple(path_of(reference["dataStoreReference"]) for reference in references),
            transfer_status=product["transferStatus"],
        )
        if method == INGEST:
            return replace(call, instance=_first(params[1].get(INSTANCE_KEY)), client_transfers=params[2])
        return call
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


class Evidence:
    """The evidence of one container's File Manager calls."""

    def __init__(self, runs: Path, ledger: Ledger) -> None:
        self._runs = runs
        self._ledger = ledger
        self._products: dict[RunRef, set[str]] = {}  # of the runs whose journals are there

    def recall(self) -> None:
        """Learn from the journals what an earlier process of this container knew."""
        for path in self._runs.glob("*.jsonl"):
            for line in parse_lines(path.read_bytes()):
                if line["kind"] == "ingest" and (run := self._run(path.stem)):
                    self._remember(run, line["product"])

    def knows(self, instance: str) -> bool:
        """Whether a run of this container goes on under this id."""
        return self._run(instance) is not None

    async def objection(self, call: ProductCall) -> str | None:
        """Why the call must not be carried out; None if it may.

        An ingest or a removal is on record before it is begun: nobody may live to tell that it was done.
        """
        if call.method == REMOVAL:
            if taken_from := self._run_of(call.product):
                obstacle = await asyncio.to_thread(_obstacle, call.archived)
                why = {"why": obstacle} if obstacle else {}
                await self._note(taken_from, kind="removed", product=call.product, **why)
            return None
        run = self._run(call.instance)
        if run is None or run.folder is None:
            return None
        if not await asyncio.to_thread(self._ledger.is_current, run.folder, run.number):
            fault = "the run does not count any more: it was given up, or another node has taken the job over"
            await self._note(run, kind="refused", file=call.file, fault=fault)
            return fault
        await self._note(run, kind="ingesting", file=call.file, name=call.name)
        return None

    async def answered(self, call: ProductCall, answer: Any) -> None:
        """Put on record what was done."""
        product = str(answer) if call.method == INGEST else call.product
        run = self._run(call.instance) or self._run_of(product)
        if run is None:
            return
        match call.method:
            case "filemgr.ingestProduct":
                self._remember(run, product)
                await self._note(
                    run, kind="ingest", file=call.file, product=product, name=call.name, type=call.type
                )
                if not call.client_transfers:
                    await self._note(run, kind="received", product=product)
            case "filemgr.addProductReferences":
                for archived in call.archived:
                    await self._note(run, kind="reference", product=product, archived=archived)
            case "filemgr.setProductTransferStatus" if call.transfer_status == RECEIVED:
                # OODT's client still takes it back if this answer does not reach it.
                await self._note(run, kind="received", product=product)

    async def refused(self, call: ProductCall, fault: str) -> None:
        """Put on record that an ingest was certainly not done."""
        if run := self._run(call.instance):
            await self._note(run, kind="refused", file=call.file, fault=fault)

    async def failed(self, call: ProductCall, fault: str) -> None:
        """Put on record that an ingest has failed.

        The catalogue may have the product all the same: OODT commits it before the steps that can still fail.
        """
        if run := self._run(call.instance):
            await self._note(run, kind="ingest-failed", file=call.file, fault=fault)

    async def _note(self, run: RunRef, **fields: Any) -> None:
        line = {**fields, "at": time.time()}
        if run.folder is not None:
            await asyncio.to_thread(self._ledger.add_product_line, run.folder, run.number, line)
        # The ledger comes first: the consumer judges a run as soon as its journal is complete. A journal that
        # is gone belongs to a run that was judged.
        with contextlib.suppress(FileNotFoundError):
            journal.append(run.journal, line)

    def _remember(self, run: RunRef, product: str) -> None:
        if run not in self._products:
            # A journal that is gone belongs to a run that was judged.
            self._products = {each: of for each, of in self._products.items() if each.journal.exists()}
        self._products.setdefault(run, set()).add(product)

    def _run_of(self, product: str) -> RunRef | None:
        return next((run for run, products in self._products.items() if product in products), None)

    def _run(self, run_id: str | None) -> RunRef | None:
        """The run that an instance belongs to; None if it keeps no journal here."""
        if not run_id or "/" in run_id:
            return None
        path = self._runs / f"{run_id}.jsonl"
        try:
            opening = _opening(path)
        except FileNotFoundError:
            return None
        # If one event has started several workflows, all but the first have the run's id and a suffix.
        if opening is None and (sibling := SIBLING.fullmatch(run_id)):
            with contextlib.suppress(FileNotFoundError):
                opening = _opening(self._runs / f"{sibling.group(1)}.jsonl")
        if opening is None:
            return RunRef(journal=path, folder=None, number=1)
        return RunRef(journal=path, folder=Path(opening["ledger"]), number=opening["run"])


def _obstacle(archived: Iterable[str]) -> str | None:
    """Why OODT's client could not move a file into the archive, as far as this container sees it.

    The client takes the product back and tells nobody. It is another user than this process.
    """
    with contextlib.suppress(OSError):
        for file in archived:
            folder = next((each for each in Path(file).parents if each.is_dir()), Path("/"))
            disk = os.statvfs(folder)
            if disk.f_flag & os.ST_RDONLY or not folder.stat().st_mode & ANYBODY_WRITES:
                return f"nobody may write to its folder {folder}"
            if not disk.f_bavail:
                return f"the disk of its folder {folder} is full"
    return None


def _opening(path: Path) -> dict[str, Any] | None:
    """The consumer's line, which is the first; None if this is no run of a job."""
    with open(path, "rb") as file:
        first = next(iter(parse_lines(file.readline())), None)
    return first if first and first["kind"] == "opened" else None


def _first(value: object) -> str | None:
    """OODT's metadata values are text or lists of text."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None
