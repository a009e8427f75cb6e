"""Deletes the products of jobs that have ended: entries in the catalogue, files that no other product has.

The record of the job stays, so that the job does not run again.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.messaging.announcements import Touched
from runtime.oodt.file_manager import FileManager
from runtime.outcome import Product
from runtime.records.ledger import Ledger

# A job's event, its id and its batch.
Named = tuple[str, str, str | None]


@dataclass(kw_only=True)
class Deleted:
    """What went, or would go: products, and the jobs that they belong to.

    ``unfinished`` jobs have not ended, and keep what they have. ``left`` jobs were not looked at in time.
    """

    products: int = 0
    jobs: list[Touched] = field(default_factory=list)
    unfinished: int = 0
    left: int = 0


async def delete(
    ledger: Ledger, file_manager: FileManager, jobs: Iterable[Named], *, really: bool, seconds: float
) -> Deleted:
    """Delete the products of these jobs for SECONDS at most, or only count them unless REALLY.

    Raises OSError, and as FileManager.
    """
    deleted = Deleted()
    deadline = time.monotonic() + seconds
    for event, job, batch in jobs:
        if time.monotonic() > deadline:
            deleted.left += 1
            continue
        end = await asyncio.to_thread(ledger.verdict, event, job)
        if end is None:
            deleted.unfinished += 1
            continue
        products = await asyncio.to_thread(_there, ledger, event, job, end.run, end.outcome.products)
        if not products:
            continue
        if really:
            await asyncio.to_thread(ledger.note_deleted, event, job)
            for product in products:
                await file_manager.remove(product.id, product.name, product.archived)
                line = {"kind": "withdrawn", "product": product.id}
                folder = ledger.folder(event, job)
                await asyncio.to_thread(ledger.add_product_line, folder, end.run, line)
        deleted.products += len(products)
        deleted.jobs.append(Touched(job=job, batch=batch))
    return deleted


def _there(ledger: Ledger, event: str, job: str, run: int, products: Iterable[Product]) -> list[Product]:
    """Those of the products that were not deleted before."""
    lines = ledger.products(ledger.folder(event, job)).get(run, [])
    gone = {line["product"] for line in lines if line["kind"] == "withdrawn"}
    return [product for product in products if product.id not in gone]
