"""All products are told, by a File Manager with the cluster's catalogue and by one with OODT's own."""

import asyncio
import xmlrpc.client
from typing import Any, cast

import aiohttp
import pytest

from runtime.oodt.file_manager import FileManager

Product = dict[str, Any]

TYPES = [{"id": "urn:rain", "name": "Rain"}, {"id": "urn:snow", "name": "Snow"}]
PAGE_SIZE = 2


class OodtsOwn:
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

    def removeProduct(self, product: Product) -> bool:
        self._products = [each for each in self._products if each["id"] != product["id"]]
        return True


def client(file_manager: OodtsOwn) -> FileManager:
    made = FileManager(cast(aiohttp.ClientSession, None), "http://nowhere")

    async def call(method: str, *params: object) -> Any:
        return getattr(file_manager, method)(*params)

    made._call = call  # type: ignore[method-assign]
    return made


def told(file_manager: OodtsOwn) -> list[tuple[str, list[str]]]:
    async def all_products() -> list[tuple[str, list[str]]]:
        return [(product["id"], files) async for product, files in client(file_manager).products()]

    return asyncio.run(all_products())


def test_products_of_types_that_the_policy_has_no_more_are_there() -> None:
    assert [product for product, _ in told(OodtsOwn())] == list("01234")


def test_a_catalogue_that_knows_no_way_to_all_types_tells_the_products_of_each() -> None:
    assert [product for product, _ in told(OodtsOwn(any_type=False))] == list("024")


def test_files_are_told_as_the_archive_names_them() -> None:
    assert {file for _, files in told(OodtsOwn()) for file in files} >= {"/archive/0"}


@pytest.mark.parametrize("any_type", [True, False])
def test_products_that_are_forgotten_meanwhile_hide_no_other(any_type: bool) -> None:
    async def forget_all(file_manager: FileManager) -> list[str]:
        seen = []
        async for product, _ in file_manager.products():
            seen.append(product["id"])
            await file_manager.forget(product)
        return seen

    stock = OodtsOwn(any_type=any_type)
    assert asyncio.run(forget_all(client(stock))) == list("01234" if any_type else "024")


@pytest.mark.parametrize(("product", "received"), [("1", 1767225600.0), ("2", None), ("3", None)])
def test_the_time_of_receipt_is_told_if_it_is_known(product: str, received: float | None) -> None:
    found = {"id": product, "type": {"id": "urn:gone"}}
    assert asyncio.run(client(OodtsOwn()).received(found)) == received


def test_a_time_of_receipt_that_a_catalogue_of_oodts_own_does_not_have_is_not_known() -> None:
    stock = OodtsOwn(any_type=False)
    assert asyncio.run(client(stock).received({"id": "1", "type": TYPES[0]})) is None
