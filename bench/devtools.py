"""A Chromium that is asked little. Playwright would note each answer to a page, in the page's own process."""

import asyncio
import itertools
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from testing.tools import require

START_SECONDS = 60
ANSWER_SECONDS = 300
STOP_SECONDS = 30


@dataclass(kw_only=True)
class DevTools:
    """The browser's side of DevTools' protocol."""

    socket: aiohttp.ClientWebSocketResponse
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ask(self, method: str, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Of the browser, or of the page of a session."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        await self.socket.send_json(message | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(ANSWER_SECONDS):
            while (answer := await self.socket.receive_json()).get("id") != number:
                pass  # An event.
        if "error" in answer or "exceptionDetails" in answer["result"]:
            raise RuntimeError(f"{method}: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    async def evaluate(self, session: str, expression: str) -> Any:
        """What the expression, or its promise, comes to in the page."""
        answer = await self.ask(
            "Runtime.evaluate", session=session, expression=expression, awaitPromise=True, returnByValue=True
        )
        return answer["result"].get("value")


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[DevTools]:
    """A browser without a window, with a profile of its own in FOLDER."""
    program = shutil.which("chromium-browser") or require("chromium")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    log = folder / "chromium.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [program, *options, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdout=output,
            stderr=output,
        )
    try:
        address = await _address(log)
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            yield DevTools(socket=socket)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


async def _address(log: Path) -> str:
    async with asyncio.timeout(START_SECONDS):
        while not (found := re.search(r"ws://\S+", log.read_text(errors="replace"))):
            await asyncio.sleep(0.1)
    return found[0]
