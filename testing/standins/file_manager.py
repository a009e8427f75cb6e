"""A File Manager for tests: the XML-RPC calls of OODT's, a catalogue in memory, files on the disk.

    python testing/standins/file_manager.py PORT

Beyond OODT's calls it answers ``standin.products`` (all that the catalogue holds) and ``standin.refuse`` (let
the next N ingests fail).
"""

import itertools
import posixpath
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import unquote, urlsplit
from xmlrpc.server import SimpleXMLRPCServer

Product = dict[str, Any]


class FileManager:
    """The catalogue, by product id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._products: dict[str, Product] = {}
        self._refusals = 0
        self._closed: set[str] = set()

    def _dispatch(self, method: str, params: tuple[Any, ...]) -> Any:
        with self._lock:
            return getattr(self, method.replace(".", "_"))(*params)

    def filemgr_isAlive(self) -> bool:
        return True

    def filemgr_getCurrentFileTransfers(self) -> list[Any]:
        return []

    def filemgr_ingestProduct(self, product: Product, metadata: dict[str, Any], client_transfer: bool) -> str:
        if self._refusals:
            self._refusals -= 1
            raise RuntimeError("Error ingesting product: no space left on device")
        run = metadata.get("WorkflowInstId", [""])[0]
        if run in self._closed:
            raise RuntimeError(f"run {run} is closed")
        identity = f"product-{next(self._ids)}"
        self._products[identity] = {**product, "id": identity, "metadata": metadata}
        return identity

    def filemgr_closeRun(self, run: str) -> list[Product]:
        """As the cluster's File Manager has it, beyond OODT's calls."""
        self._closed.add(run)
        products = self._products.values()
        return [each for each in products if each["metadata"].get("WorkflowInstId") == [run]]

    def filemgr_catalogueDisk(self) -> dict[str, float]:
        return {"size": 2.0**40, "free": 2.0**39}

    def filemgr_reopenRun(self, run: str) -> bool:
        self._closed.discard(run)
        return True

    def filemgr_addProductReferences(self, product: Product) -> bool:
        self._products[product["id"]]["references"] = product["references"]
        return True

    def filemgr_setProductTransferStatus(self, product: Product) -> bool:
        self._products[product["id"]]["transferStatus"] = product["transferStatus"]
        return True

    def filemgr_getProductById(self, identity: str) -> Product:
        return self._products[identity]

    def filemgr_getProductByName(self, name: str) -> Product:
        return next(product for product in self._products.values() if product["name"] == name)

    def filemgr_getProductReferences(self, product: Product) -> list[Any]:
        references: list[Any] = self._products[product["id"]]["references"]
        return references

    def filemgr_getMetadata(self, product: Product) -> dict[str, Any]:
        metadata: dict[str, Any] = self._products[product["id"]]["metadata"]
        return metadata

    def filemgr_getProductTypes(self) -> list[dict[str, str]]:
        return [{"id": "urn:test:Type", "name": "TestType"}]

    def filemgr_getNumProducts(self, _: dict[str, str]) -> int:
        return len(self._products)

    def filemgr_getFirstPage(self, _: dict[str, str]) -> dict[str, Any]:
        return {"pageNum": 1, "totalPages": 1, "pageProducts": list(self._products.values())}

    def filemgr_getReducedMetadata(self, product: Product, elements: list[str]) -> dict[str, Any]:
        metadata = self._products[product["id"]]["metadata"]
        return {element: metadata[element] for element in elements if element in metadata}

    def filemgr_pagedQuery(self, query: dict[str, Any], _: dict[str, str], page: int) -> dict[str, Any]:
        """Products by where their files are, as the cluster's catalogue finds them."""
        place = query["criteria"][0]["elementValue"]
        found = [
            product
            for product in self._products.values()
            if any(_place(each["dataStoreReference"]) == place for each in product["references"])
        ]
        return {"pageNum": page, "totalPages": 1, "pageProducts": found}

    def filemgr_removeProduct(self, product: Product) -> bool:
        del self._products[product["id"]]
        return True

    def filemgr_removeFile(self, path: str) -> bool:
        exists = Path(path).exists()
        Path(path).unlink(missing_ok=True)
        return exists

    def filemgr_removeUnusedFile(self, path: str) -> bool:
        """As the cluster's File Manager has it, beyond OODT's calls."""
        products = self._products.values()
        places = {_place(str(each["dataStoreReference"])) for one in products for each in one["references"]}
        if _place(path) not in places:
            Path(path).unlink(missing_ok=True)
        return _place(path) not in places

    def standin_products(self) -> list[Product]:
        return list(self._products.values())

    def standin_refuse(self, ingests: int) -> bool:
        self._refusals = ingests
        return True


def _place(reference: str) -> str:
    return posixpath.normpath(unquote(urlsplit(reference).path))


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    server = Server(("127.0.0.1", int(sys.argv[1])), logRequests=False)
    server.register_instance(FileManager())
    server.serve_forever()


if __name__ == "__main__":
    main()
