"""The File Manager's catalogue as a whole: every product with its files, and taking products out."""

import http.client
import xmlrpc.client
from collections.abc import Iterator
from typing import Any

from runtime.file_manager import path_of

CALL_SECONDS = 60.0


class _LimitedTransport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = CALL_SECONDS
        return connection


class Catalogue:
    """Calls of a File Manager; they raise OSError, xmlrpc.client.Error, http.client.HTTPException."""

    def __init__(self, url: str) -> None:
        self._filemgr: Any = xmlrpc.client.ServerProxy(url, transport=_LimitedTransport()).filemgr

    def products(self) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Each product and the paths of its files in the archive."""
        for product_type in self._filemgr.getProductTypes():
            # OODT has no first page of a type without products.
            if not self._filemgr.getNumProducts(product_type):
                continue
            page = self._filemgr.getFirstPage(product_type)
            while page["pageProducts"]:
                for product in page["pageProducts"]:
                    references = self._filemgr.getProductReferences(product)
                    yield product, [path_of(each["dataStoreReference"]) for each in references]
                if page["pageNum"] >= page["totalPages"]:
                    break
                page = self._filemgr.getNextPage(product_type, page)

    def remove(self, product: dict[str, Any]) -> None:
        """Take a product out; its files stay."""
        self._filemgr.removeProduct(product)
