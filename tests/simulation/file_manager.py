"""The File Manager as the cluster's image has it: catalogue and archive, which are two stores.

Each change of the catalogue is a commit, before and after which the process may die. A run that is closed
gets nothing more into the catalogue.
"""

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime.oodt.file_manager import RECEIVED_TIME, place_of
from runtime.oodt.xml_rpc import Fault
from runtime.proxy.evidence import INSTANCE_KEY
from runtime.records.journal import SIBLING

if TYPE_CHECKING:
    from tests.simulation.world import World

TYPE = {"id": "urn:test:Type", "name": "TestType"}
RECEIVED = "RECEIVED"
LONG_AGO = "2026-01-01T00:00:00.000Z"
INGESTS_END_SECONDS = 20.0

Fields = dict[str, Any]


@dataclass(eq=False, kw_only=True)
class Product:
    id: str
    name: str
    run: str
    references: list[Fields] = field(default_factory=list)
    status: str = "TRANSFERING"

    @property
    def places(self) -> set[str]:
        return {place_of(str(each["dataStoreReference"])) for each in self.references}

    def fields(self) -> Fields:
        return {
            "id": self.id,
            "name": self.name,
            "type": TYPE,
            "transferStatus": self.status,
            "references": self.references,
        }


class FileManager:
    """What is on its disk, and the calls."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._ids = itertools.count(1)
        self.catalogue: dict[str, Product] = {}
        self.closed: set[str] = set()
        self.archive: dict[str, str] = {}  # which run wrote the file
        self._ingesting: list[str] = []

    async def handle(self, method: str, *params: Any) -> Any:
        if self._world.happens("fault before", method):
            raise Fault(0, "java.lang.Exception: out of memory")
        name = method.removeprefix("filemgr.")
        answer = await getattr(self, f"_{name}")(*params)
        if self._world.happens("fault after", method):
            raise Fault(0, "java.lang.Exception: no space left on device")
        return answer

    def died(self) -> None:
        self._ingesting.clear()

    def store(self, path: str, run: str) -> None:
        """A file is written into the archive, by the File Manager or by its client."""
        self._world.note(f"archive: {path} is written by {run}")
        self.archive[path] = run

    async def _commit(self, what: str) -> None:
        """Before and after a change of the catalogue."""
        await asyncio.sleep(self._world.latency())
        self._world.step("commit", what)

    async def _isAlive(self) -> bool:
        return True

    async def _ingestProduct(self, product: Fields, metadata: Fields, client: bool) -> str:
        instance = metadata[INSTANCE_KEY]
        run = _run_of(instance[0] if isinstance(instance, list) else instance)
        self._ingesting.append(run)
        try:
            await self._commit(f"begin {run}")
            self._refuse_closed(run)
            made = Product(id=f"product-{next(self._ids)}", name=product["name"], run=run)
            self.catalogue[made.id] = made
            await self._commit(f"ingest {made.id} of {run}")
            if not client:
                path = self._world.place(product["name"])
                made.references = [{**product["references"][0], "dataStoreReference": f"file:{path}"}]
                await self._commit(f"references of {made.id}")
                self._refuse_closed(run)
                self.store(path, run)
                await self._commit(f"file of {made.id}")
                self._refuse_closed(run)
                made.status = RECEIVED
                await self._commit(f"status of {made.id}")
            return made.id
        finally:
            with contextlib.suppress(ValueError):
                self._ingesting.remove(run)

    async def _addProductReferences(self, product: Fields) -> bool:
        made = self._product(product)
        self._refuse_closed_part(made)
        made.references = product["references"]
        await self._commit(f"references of {made.id}")
        return True

    async def _setProductTransferStatus(self, product: Fields) -> bool:
        made = self._product(product)
        self._refuse_closed_part(made)
        made.status = product["transferStatus"]
        await self._commit(f"status of {made.id}")
        return True

    async def _removeProduct(self, product: Fields) -> bool:
        self._world.removed_product(product["id"])
        self.catalogue.pop(product["id"], None)
        await self._commit(f"removal of {product['id']}")
        return True

    async def _removeUnusedFile(self, path: str) -> bool:
        await asyncio.sleep(self._world.latency())
        unused = all(path not in product.places for product in self.catalogue.values())
        if unused:
            self._world.removed_file(path)
            self.archive.pop(path, None)
        await self._commit(f"removal of {path}")
        return unused

    async def _closeRun(self, run: str) -> list[Fields]:
        self.closed.add(run)
        await self._commit(f"close {run}")
        deadline = self._world.loop.now + INGESTS_END_SECONDS
        while run in self._ingesting:
            if self._world.loop.now > deadline:
                raise Fault(0, f"Run {run} is closed, but an ingest of it is still being executed")
            await asyncio.sleep(0.1)
        return [each.fields() for each in self.catalogue.values() if each.run == run]

    async def _getProductById(self, identity: str) -> Fields:
        return self._product({"id": identity}).fields()

    async def _getProductByName(self, name: str) -> Fields:
        found = [each for each in self.catalogue.values() if each.name == name]
        if not found:
            raise Fault(0, "java.lang.NullPointerException")
        return found[-1].fields()

    async def _getProductReferences(self, product: Fields) -> list[Fields]:
        return self._product(product).references

    async def _getProductTypes(self) -> list[Fields]:
        return [TYPE]

    async def _getNumProducts(self, _: Fields) -> int:
        return len(self.catalogue)

    async def _getFirstPage(self, _: Fields) -> Fields:
        products = [each.fields() for each in self.catalogue.values()]
        return {"pageNum": 1, "totalPages": 1, "pageProducts": products}

    async def _getReducedMetadata(self, product: Fields, elements: list[str]) -> Fields:
        known = {INSTANCE_KEY: [self._product(product).run], RECEIVED_TIME: [LONG_AGO]}
        return {element: known[element] for element in elements}

    def _product(self, product: Fields) -> Product:
        made = self.catalogue.get(product["id"])
        if made is None:
            raise Fault(0, f"Product [{product['id']}] is not in the catalogue")
        return made

    def _refuse_closed_part(self, product: Product) -> None:
        if product.status != RECEIVED:
            self._refuse_closed(product.run)

    def _refuse_closed(self, run: str) -> None:
        if run in self.closed:
            raise Fault(0, f"run {run} is closed")


def _run_of(instance: str) -> str:
    sibling = SIBLING.fullmatch(instance)
    return sibling.group(1) if sibling else instance
