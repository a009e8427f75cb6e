"""The File Manager: takes products out of catalogue and archive again."""

import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp

from runtime import xml_rpc

log = logging.getLogger(__name__)

CALL_SECONDS = 60.0


def path_of(reference: str) -> str:
    """The path in a product reference, which is a file: URL (or, from some clients, a plain path)."""
    return unquote(urlsplit(reference).path) if reference.startswith("file:") else reference


class FileManager:
    """XML-RPC client of the File Manager."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url

    async def remove(self, product_id: str, archived: Iterable[str]) -> None:
        """Remove a product from the catalogue and its files from the archive, if they are there.

        Raises as xml_rpc.call.
        """
        product = await self._product(product_id)
        files = set(archived)
        if product is not None:
            references = await self._call("getProductReferences", product)
            files |= {path_of(str(reference["dataStoreReference"])) for reference in references}
            await self._call("removeProduct", product)
        for path in sorted(files - {""}):
            await self._call("removeFile", path)

    async def find(self, name: str, original: str) -> str | None:
        """Id of the product NAME that was made from the file ORIGINAL; None if the catalogue has none."""
        try:
            product = await self._call("getProductByName", name)
            references = await self._call("getProductReferences", product)
        except xml_rpc.Fault:
            return None
        # A product whose ingest broke off has no references yet; then the name alone must do.
        originals = {path_of(str(reference["origReference"])) for reference in references}
        return str(product["id"]) if not originals or original in originals else None

    async def _product(self, product_id: str) -> dict[str, Any] | None:
        try:
            product: dict[str, Any] = await self._call("getProductById", product_id)
        except xml_rpc.Fault:
            return None
        return product

    async def _call(self, method: str, *params: object) -> Any:
        return await xml_rpc.call(self._client, self._url, f"filemgr.{method}", *params, seconds=CALL_SECONDS)
