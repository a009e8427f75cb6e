"""Answers from the first moment on: until the history is there, they say what is done to it, since when."""

import logging
import time
from collections.abc import Awaitable, Callable

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

AGAIN_SECONDS = 2


class Opening:
    """An application that hands over to another one when that is there."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._end: Callable[[], Awaitable[None]] | None = None
        self._began = time.monotonic()
        self._doing = "the history is opened"

    def tell(self, doing: str) -> None:
        """What is done now. It may be called from any thread."""
        log.info("%s", doing)
        self._doing = doing

    def open(self, app: ASGIApp, end_streams: Callable[[], Awaitable[None]]) -> None:
        self._app, self._end = app, end_streams

    async def end_streams(self) -> None:
        if self._end is not None:
            await self._end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope["path"])(scope, receive, send)

    def _answer(self, path: str) -> Response:
        if path == "/healthz":
            # A restart would only begin anew what goes on.
            return JSONResponse({"healthy": True, "broker": False})
        seconds = time.monotonic() - self._began
        text = f"no numbers yet: {self._doing}, for {seconds:.0f} s; jobs go on meanwhile"
        if path.startswith("/api/"):
            return JSONResponse({"error": text}, 503, {"Retry-After": f"{AGAIN_SECONDS}"})
        # Browsers ask again by themselves.
        return PlainTextResponse(text, 503, {"Refresh": f"{AGAIN_SECONDS}"})
