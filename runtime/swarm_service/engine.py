"""Docker's API at the manager's socket."""

import json
from types import TracebackType
from typing import Any, Self

import aiohttp

ANSWER_SECONDS = 10.0
# All that is asked for is in every version of docker since 20.10.
BASE = "http://docker/v1.41"


class EngineDown(ConnectionError):
    """Docker did not answer, or refused."""


class Engine:
    """Use as ``async with Engine(socket) as engine``. Its methods raise EngineDown."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=self._socket),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def post(self, path: str, content: Any) -> Any:
        return await self._ask("POST", path, json=content)

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            async with self._client.request(method, f"{BASE}{path}", **content) as response:
                text = await response.text()
            answer = json.loads(text) if text else None
        except TimeoutError as error:
            raise EngineDown(f"docker did not answer within {ANSWER_SECONDS:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise EngineDown(f"docker's socket {self._socket}: {error}") from error
        if response.status >= 400:
            message = answer.get("message", answer) if isinstance(answer, dict) else answer
            raise EngineDown(f"docker refuses {method} {path}: {message}")
        return answer
