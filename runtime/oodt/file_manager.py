"""The File Manager: tells of products and their metadata, and removes them from catalogue and archive."""

import contextlib
import logging
import posixpath
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp

from runtime.oodt import xml_rpc

log = logging.getLogger(__name__)

CALL_SECONDS = 60.0
TERM = "org.apache.oodt.cas.filemgr.structs.TermQueryCriteria"
# The cluster's catalogue finds products of all types by it. OODT's own catalogues find none.
PLACE = "reference_data_store"
# The cluster's catalogue takes it for all types, also those that the policy has no more.
ANY_TYPE = {"id": ""}
RECEIVED_TIME = "CAS.ProductReceivedTime"
# The metadata element by which a product names the workflow instance that has made it.
INSTANCE = "WorkflowInstId"
# The status of a product whose files are in the archive.
RECEIVED = "RECEIVED"

# How a File Manager without the cluster's class answers to the methods of that class.
NO_SUCH_METHOD = "NoSuchMethodException"

Product = dict[str, Any]


def path_of(reference: str) -> str:
    """The path in a product reference, which is a file: URL (or, from some clients, a plain path)."""
    return unquote(urlsplit(reference).path) if reference.startswith("file:") else reference


def place_of(reference: str) -> str:
    """The place in the archive that a reference names, in one spelling: versioners write /a//b and /a/b."""
    path = path_of(reference)
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


class FileManager:
    """XML-RPC client of the File Manager. Its methods raise as xml_rpc.call."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url
        self._forgotten = 0
        self._policy: list[dict[str, Any]] = []

    async def products(self) -> AsyncIterator[tuple[Product, list[str]]]:
        """Each product in the catalogue and its files in the archive. It may be forgotten meanwhile."""
        for product_type in await self._types():
            before: dict[str, Any] | None = None  # the page before this one
            # OODT has no first page of a type without products.
            while before or await self._has_products(product_type):
                method, after = ("getNextPage", (before,)) if before else ("getFirstPage", ())
                page = await self._call(method, product_type, *after)
                forgotten = self._forgotten
                for product in page["pageProducts"]:
                    references = await self._call("getProductReferences", product)
                    yield product, [place_of(str(each["dataStoreReference"])) for each in references]
                if self._forgotten > forgotten:
                    continue  # products of the next page have moved up into this one
                if not page["pageProducts"] or page["pageNum"] >= page["totalPages"]:
                    break
                before = page

    async def received(self, product: Product) -> float | None:
        """When the product was received, in unix seconds; None if the catalogue does not know."""
        received = await self._element(product, RECEIVED_TIME)
        try:
            return datetime.fromisoformat(received).timestamp() if received else None
        except ValueError:
            return None

    async def metadata(self, product_id: str) -> dict[str, Any] | None:
        """A product's metadata, lists of values by their keys; None if the catalogue has no such product."""
        product = await self._product(product_id)
        if product is None:
            return None
        try:
            metadata: dict[str, Any] = await self._call("getMetadata", product)
        except xml_rpc.Fault:
            # As in `received`: the policy may have no such type any more.
            types = await self._call("getProductTypes")
            metadata = await self._call("getMetadata", {**product, "type": types[0]})
        return metadata

    async def instance(self, product: Product) -> str | None:
        """The workflow instance that has made the product; None if the catalogue does not know."""
        return await self._element(product, INSTANCE)

    async def has(self, product_id: str) -> list[str] | None:
        """The places of a product's files in the archive; None if the catalogue has no such product."""
        product = await self._product(product_id)
        if product is None:
            return None
        references = await self._call("getProductReferences", product)
        return [place_of(str(each["dataStoreReference"])) for each in references]

    async def remove_unused(self, path: str) -> None:
        """Remove a file from the archive, unless a product has it."""
        await self._remove_file(place_of(path), "")

    async def forget(self, product: Product) -> None:
        """Take a product out of the catalogue. Its files stay."""
        await self._call("removeProduct", product)
        self._forgotten += 1

    async def remove(self, product_id: str, name: str, archived: Iterable[str]) -> None:
        """Remove a product from the catalogue, and files that no other product has from the archive."""
        product = await self._product(product_id)
        files = {place_of(path) for path in archived}
        if product is not None:
            references = await self._call("getProductReferences", product)
            files |= {place_of(str(reference["dataStoreReference"])) for reference in references}
            # The entry goes before the files: of two products that share a file and go at once, the later
            # deletes it.
            await self._call("removeProduct", product)
            self._forgotten += 1
        for path in sorted(files - {""}):
            await self._remove_file(path, name)

    async def close_run(self, run_id: str) -> list[Product] | None:
        """Let nothing of a run into the catalogue any more; returns the products that it has of the run.

        None if the File Manager cannot do that, as one of a user's own.
        """
        try:
            products: list[Product] = await self._call("closeRun", run_id)
        except xml_rpc.Fault as error:
            if NO_SUCH_METHOD in error.faultString:
                return None
            raise
        return products

    async def reopen_run(self, run_id: str) -> None:
        """Take back that a run was closed, for a job that may begin anew under the same id."""
        try:
            await self._call("reopenRun", run_id)
        except xml_rpc.Fault as error:
            if NO_SUCH_METHOD not in error.faultString:
                raise

    async def disk(self) -> tuple[int, int] | None:
        """The size of the disk that the catalogue is on, and how much of it is free, in bytes.

        None if the File Manager cannot tell, as one of a user's own.
        """
        try:
            told = await self._call("catalogueDisk")
        except xml_rpc.Fault as error:
            if NO_SUCH_METHOD in error.faultString:
                return None
            raise
        return int(told["size"]), int(told["free"])

    async def find(self, name: str, original: str) -> str | None:
        """Id of the product NAME that was made from the file ORIGINAL; None if the catalogue has none."""
        found = await self._newest(name)
        if found is None:
            return None
        product, references = found
        # A product whose ingest broke off has no references. Then the name alone decides.
        originals = {path_of(str(reference["origReference"])) for reference in references}
        return str(product["id"]) if not originals or original in originals else None

    async def _element(self, product: Product, name: str) -> str | None:
        """The first value of a metadata element; None if the catalogue has none."""
        # OODT fails at a type that the policy has no more. The cluster's catalogue goes by the product's id.
        self._policy = self._policy or await self._call("getProductTypes")
        if not self._policy:
            return None
        try:
            of_a_type = {**product, "type": self._policy[0]}
            metadata = await self._call("getReducedMetadata", of_a_type, [name])
            return str(metadata[name][0])
        except (xml_rpc.Fault, KeyError, IndexError):
            # A catalogue of OODT's own answers with a fault if the product has no such element.
            return None

    async def _remove_file(self, path: str, name: str) -> None:
        try:
            # Another product may get the file after a question, so the File Manager asks and removes at once.
            unused = await self._call("removeUnusedFile", path)
        except xml_rpc.Fault as error:
            if NO_SUCH_METHOD not in error.faultString:
                raise
            if unused := not await self._is_in_use(path, name):
                await self._call("removeFile", path)
        if not unused:
            log.info("%s stays: it may be another product's too", path)

    async def _is_in_use(self, path: str, name: str) -> bool:
        """Whether a product in the catalogue has this file.

        A catalogue that finds nothing by files is asked for the newest product of NAME. If it cannot tell,
        the file stays: ``clean`` can remove it later.
        """
        query = {"criteria": [{"class": TERM, "elementName": PLACE, "elementValue": path}]}
        try:
            # OODT needs a type that it knows. One page is enough, however many products share a file.
            types = await self._call("getProductTypes")
            page = await self._call("pagedQuery", query, types[0], 1)
        except (xml_rpc.Fault, IndexError) as error:
            log.warning("the catalogue does not tell whose %s is: %s", path, error)
            return True
        if page["pageProducts"]:
            return True
        found = await self._newest(name)
        return found is not None and path in {
            place_of(str(reference["dataStoreReference"])) for reference in found[1]
        }

    async def _types(self) -> list[dict[str, Any]]:
        with contextlib.suppress(xml_rpc.Fault):
            if await self._has_products(ANY_TYPE):
                return [ANY_TYPE]
        types: list[dict[str, Any]] = await self._call("getProductTypes")
        return types

    async def _has_products(self, product_type: dict[str, Any]) -> bool:
        return bool(await self._call("getNumProducts", product_type) > 0)

    async def _product(self, product_id: str) -> Product | None:
        try:
            product: Product = await self._call("getProductById", product_id)
        except xml_rpc.Fault:
            await self._must_be_well()
            return None
        return product

    async def _newest(self, name: str) -> tuple[Product, list[dict[str, Any]]] | None:
        """The newest product of this name and its references; None if there is none."""
        try:
            product = await self._call("getProductByName", name)
            return product, await self._call("getProductReferences", product)
        except xml_rpc.Fault:
            await self._must_be_well()
            return None

    async def _must_be_well(self) -> None:
        """Raise Fault if the File Manager answers with faults only, as it does while it starts.

        OODT has no other answer than a fault for a product that is not there.
        """
        await self._call("getProductTypes")

    async def _call(self, method: str, *params: object) -> Any:
        return await xml_rpc.call(self._client, self._url, f"filemgr.{method}", *params, seconds=CALL_SECONDS)
