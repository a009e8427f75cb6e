"""A client of a stand-in File Manager in this process."""

from typing import Any, cast

import aiohttp

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from testing.standins.file_manager import FileManager as StandIn


class Client(FileManager):
    """A client that needs no network."""

    def __init__(self, file_manager: StandIn) -> None:
        super().__init__(cast(aiohttp.ClientSession, None), "")
        self._file_manager = file_manager

    async def _call(self, method: str, *params: object) -> Any:
        try:
            return self._file_manager._dispatch(f"filemgr.{method}", params)
        except Exception as error:
            raise xml_rpc.Fault(1, str(error)) from error
