"""The catalogue is told whole, by File Managers with the cluster's catalogue and with one of OODT's own."""

import xmlrpc.client
from typing import Any

import pytest

from runtime.oodt.catalogue import Catalogue

Product = dict[str, Any]

TYPES = [{"id": "urn:rain", "name": "Rain"}, {"id": "urn:snow", "name": "Snow"}]
PAGE_SIZE = 2


class FileManager:
    """Knows the types of its policy only; its catalogue has products of another one too."""

    def __init__(self, *, any_type: bool = True) -> None:
        self._any_type = any_type
        kinds = ["urn:rain", "urn:gone", "urn:rain", "urn:gone", "urn:rain"]
        self._products: list[Product] = [{"id": str(n), "type": {"id": kind}} for n, kind in enumerate(kinds)]

    def getProductTypes(self) -> list[dict[str, str]]:
        return TYPES

    def getNumProducts(self, of_type: dict[str, str]) -> int:
        return len(self._of(of_type))

    def getFirstPage(self, of_type: dict[str, str]) -> dict[str, Any]:
        return self._page(of_type, 1)

    def getNextPage(self, of_type: dict[str, str], page: dict[str, Any]) -> dict[str, Any]:
        return self._page(of_type, page["pageNum"] + 1)

    def getProductReferences(self, product: Product) -> list[dict[str, str]]:
        return [{"dataStoreReference": f"file:/archive//{product['id']}"}]

    def getReducedMetadata(self, product: Product, elements: list[str]) -> dict[str, list[str]]:
        if product["type"] not in TYPES:
            raise xmlrpc.client.Fault(0, "java.lang.NullPointerException")
        if not self._any_type:
            raise xmlrpc.client.Fault(0, "null values not supported by XML-RPC")
        times = {"1": ["2026-01-01T00:00:00.000Z"], "2": ["yesterday"]}
        return {element: times[product["id"]] for element in elements if product["id"] in times}

    def _page(self, of_type: dict[str, str], number: int) -> dict[str, Any]:
        products = self._of(of_type)
        first = (number - 1) * PAGE_SIZE
        return {
            "pageNum": number,
            "totalPages": -(-len(products) // PAGE_SIZE),
            "pageProducts": products[first : first + PAGE_SIZE],
        }

    def _of(self, of_type: dict[str, str]) -> list[Product]:
        if self._any_type and of_type["id"] == "":
            return self._products
        return [product for product in self._products if product["type"]["id"] == of_type["id"]]


def catalogue(file_manager: FileManager) -> Catalogue:
    made = Catalogue("http://nowhere")
    made._filemgr = file_manager
    return made


def test_products_of_types_that_the_policy_has_no_more_are_there() -> None:
    assert [product["id"] for product, _ in catalogue(FileManager()).products()] == list("01234")


def test_a_catalogue_that_knows_no_way_to_all_types_tells_the_products_of_each() -> None:
    stock = FileManager(any_type=False)
    assert [product["id"] for product, _ in catalogue(stock).products()] == list("024")


def test_files_are_told_as_the_archive_names_them() -> None:
    assert {file for _, files in catalogue(FileManager()).products() for file in files} >= {"/archive/0"}


@pytest.mark.parametrize(("product", "received"), [("1", 1767225600.0), ("2", None), ("3", None)])
def test_the_time_of_receipt_is_told_if_it_is_known(product: str, received: float | None) -> None:
    found = {"id": product, "type": {"id": "urn:gone"}}
    assert catalogue(FileManager()).received(found) == received


def test_a_time_of_receipt_that_a_catalogue_of_oodts_own_does_not_have_is_not_known() -> None:
    assert catalogue(FileManager(any_type=False)).received({"id": "1", "type": TYPES[0]}) is None
