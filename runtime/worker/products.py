"""Removes the products of runs that do not count: failed runs, and runs whose worker died."""

import asyncio
import logging
from pathlib import Path

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.records import verdict
from runtime.records.ledger import Ledger

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
) -> None:
    """Remove the products of a job's runs from catalogue and archive: of all, those before one, or only one.

    A file that another product has too stays: jobs whose files have the same name share them in the archive.
    This tries until the File Manager has done it, so that no job is settled while half of its products are
    there.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _withdraw(ledger, file_manager, folder, before, only)
        except (ConnectionError, xml_rpc.Fault) as error:
            log.warning("job %s: products of a failed run are still there: %s", folder.name, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _withdraw(
    ledger: Ledger, file_manager: FileManager, folder: Path, before: int | None, only: int | None
) -> None:
    runs = await asyncio.to_thread(ledger.runs, folder)
    journals = await asyncio.to_thread(ledger.products, folder)
    for number, run_id in runs.items():
        if (before is not None and number >= before) or (only is not None and number != only):
            continue
        lines = journals.get(number, [])
        removed = []
        # Whatever still ingests for the run is refused from now on: a frozen JVM thaws, an answer comes late.
        catalogued = await file_manager.close_run(run_id)
        for product in verdict.traces(lines):
            await file_manager.remove(product.id, product.name, product.archived)
            removed.append({"kind": "withdrawn", "product": product.id})
        for each in catalogued or ():
            await file_manager.remove(str(each["id"]), str(each["name"]), ())
        for line in verdict.unanswered(lines):
            if catalogued is None and (product_id := await file_manager.find(line["name"], line["file"])):
                await file_manager.remove(product_id, line["name"], ())
            removed.append({"kind": "refused", "file": line["file"], "fault": "the ingest broke off"})
        for line in removed:
            await asyncio.to_thread(ledger.add_product_line, folder, number, line)
