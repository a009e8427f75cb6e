"""The File Manager's catalogue as a whole: every product with its files, and taking products out."""

import contextlib
import http.client
import xmlrpc.client
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from runtime.oodt.file_manager import place_of

CALL_SECONDS = 60.0
# The cluster's catalogue takes it for all types, also those that the policy has no more.
ANY_TYPE = {"id": ""}
RECEIVED_TIME = "CAS.ProductReceivedTime"


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
        for product_type in self._types():
            # OODT has no first page of a type without products.
            if not self._has_products(product_type):
                continue
            page = self._filemgr.getFirstPage(product_type)
            while page["pageProducts"]:
                for product in page["pageProducts"]:
                    references = self._filemgr.getProductReferences(product)
                    yield product, [place_of(each["dataStoreReference"]) for each in references]
                if page["pageNum"] >= page["totalPages"]:
                    break
                page = self._filemgr.getNextPage(product_type, page)

    def received(self, product: Mapping[str, Any]) -> float | None:
        """When the product was received; None if the catalogue does not know."""
        # OODT fails at a type that the policy does not have any more; the catalogue goes by the product's id.
        types = self._filemgr.getProductTypes()
        if not types:
            return None
        try:
            metadata = self._filemgr.getReducedMetadata({**product, "type": types[0]}, [RECEIVED_TIME])
            return datetime.fromisoformat(metadata[RECEIVED_TIME][0]).timestamp()
        except (xmlrpc.client.Fault, KeyError, IndexError, ValueError):
            # A fault is how a catalogue of OODT's own says that the product has no such element.
            return None

    def remove(self, product: dict[str, Any]) -> None:
        """Take a product out; its files stay."""
        self._filemgr.removeProduct(product)

    def _types(self) -> list[dict[str, Any]]:
        with contextlib.suppress(xmlrpc.client.Fault):
            if self._has_products(ANY_TYPE):
                return [ANY_TYPE]
        types: list[dict[str, Any]] = self._filemgr.getProductTypes()
        return types

    def _has_products(self, product_type: dict[str, Any]) -> bool:
        return bool(self._filemgr.getNumProducts(product_type) > 0)
