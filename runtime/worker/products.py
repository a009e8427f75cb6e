"""Removes the products of runs that do not count: failed runs, and runs whose worker died."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager, path_of
from runtime.oodt.file_manager import Product as InCatalogue
from runtime.outcome import Product
from runtime.records import verdict
from runtime.records.ledger import Ledger
from runtime.records.verdict import Line

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


async def withdraw(
    ledger: Ledger,
    file_manager: FileManager,
    folder: Path,
    *,
    before: int | None = None,
    only: int | None = None,
    again: bool = False,
) -> None:
    """Remove the products of a job's runs from catalogue and archive: of all, those before one, or only one.

    AGAIN also looks for files of products that were removed before.

    A file that another product has too stays: jobs whose files have the same name share them in the archive.
    This tries until the File Manager has done it, so that no job is settled while half of its products are
    there.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _withdraw(ledger, file_manager, folder, before, only, again=again)
        except (ConnectionError, xml_rpc.Fault) as error:
            log.warning("job %s: products of a failed run are still there: %s", folder.name, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _withdraw(
    ledger: Ledger,
    file_manager: FileManager,
    folder: Path,
    before: int | None,
    only: int | None,
    *,
    again: bool,
) -> None:
    runs = await asyncio.to_thread(ledger.runs, folder)
    journals = await asyncio.to_thread(ledger.products, folder)
    for number, run_id in runs.items():
        if (before is not None and number >= before) or (only is not None and number != only):
            continue
        lines: list[Line] = list(journals.get(number, []))
        removed: list[Line] = []
        # Whatever still ingests for the run is refused from now on: a frozen JVM thaws, an answer comes late.
        catalogued = await file_manager.close_run(run_id)
        # What only the catalogue knows is put on record first: a removal may break off before the files.
        for line in _unrecorded(catalogued or (), verdict.traces(lines)):
            await asyncio.to_thread(ledger.add_product_line, folder, number, line)
            lines.append(line)
        for product in verdict.ingested(lines) if again else verdict.traces(lines):
            await file_manager.remove(product.id, product.name, product.archived)
            removed.append({"kind": "withdrawn", "product": product.id})
        # A fault may have said of a product that it is not there, which is all that OODT says of one.
        if catalogued and (left := await file_manager.close_run(run_id)):
            raise xml_rpc.Fault(0, f"the catalogue has {len(left)} products of run {run_id}")
        for line in verdict.unanswered(lines):
            if catalogued is None and (product_id := await file_manager.find(line["name"], line["file"])):
                await file_manager.remove(product_id, line["name"], ())
            removed.append({"kind": "refused", "file": line["file"], "fault": "the ingest broke off"})
        for line in removed:
            await asyncio.to_thread(ledger.add_product_line, folder, number, line)


def _unrecorded(catalogued: Iterable[InCatalogue], recorded: Iterable[Product]) -> Iterator[Line]:
    """The lines that a run's product journal lacks of products in the catalogue."""
    archived = {product.id: product.archived for product in recorded}
    for product in catalogued:
        about = {"product": str(product["id"])}
        if about["product"] not in archived:
            kind = str(product["type"]["name"])
            yield {"kind": "ingest", **about, "name": str(product["name"]), "type": kind, "file": ""}
        for reference in product.get("references") or ():
            path = path_of(str(reference["dataStoreReference"]))
            if path and path not in archived.get(about["product"], ()):
                yield {"kind": "reference", **about, "archived": path}
