"""The HTTP side of the gateway: what aiohttp's bare server leaves to whoever uses it.

Some clients wait for "100 Continue" before they send a body, some shut their sending side down once they have
sent it. aiohttp's applications answer the first, and nothing of it the second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

LARGEST_BODY = 64 * 1024 * 1024
READ_SECONDS = 60.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connection(web.RequestHandler):
    """A connection that stays open for the answer when its client has ended its sending side."""

    payload: Any = None

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open; asyncio closes it otherwise."""
        idle = self._waiter is not None and not self._waiter.done()
        payload = self._messages[-1][1] if self._messages else self.payload
        if idle or payload is None or not payload.is_eof():
            # Nothing is to be answered, or the rest of a call will never come.
            return False
        self.close()  # after the answer
        return True


class Server(web.Server):
    """Hands each request to HANDLER."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler, request_factory=_request, access_log=None)

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)


async def body_of(request: web.BaseRequest) -> bytes:
    """The body of a POST; raises an HTTP error for what is none, or too large, or too slow."""
    if request.method != "POST":
        raise web.HTTPMethodNotAllowed(request.method, ["POST"])
    if (size := request.content_length or 0) > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, size)
    await _ask_for_body(request)
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


async def _ask_for_body(request: web.BaseRequest) -> None:
    expected = request.headers.get(hdrs.EXPECT)
    if expected is None or request.version < HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"Expect is {expected!r}: use 100-continue")
    await request.writer.write(CONTINUE)
    # It is no part of the answer, whose size decides what may still be changed of it.
    request.writer.output_size = 0


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
) -> web.BaseRequest:
    protocol.payload = payload
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)
