"""The HTTP side of the gateway: a call is a POST, of limited size, that has to arrive in limited time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from aiohttp import HttpVersion11, hdrs, web

LARGEST_BODY = 64 * 1024 * 1024
READ_SECONDS = 60.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(handler: Handler, *, gets: Mapping[str, Handler] = MappingProxyType({})) -> web.Application:
    """Hands each POST to HANDLER, whatever its path, and a GET of a path to its handler in GETS."""
    made = web.Application(client_max_size=LARGEST_BODY)
    for path, get in gets.items():
        made.router.add_get(path, get)
    made.router.add_route("*", "/{path:.*}", handler, expect_handler=_expect)
    return made


async def body_of(request: web.Request) -> bytes:
    """The body of a call; raises an HTTP error for what is none, or too large, or too slow."""
    _refuse_unwanted(request)
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


async def _expect(request: web.Request) -> None:
    """Answer a client that asks before it sends a body, as curl does with one of more than 1 MiB."""
    _refuse_unwanted(request)
    if request.version < HttpVersion11:
        return
    expected = request.headers[hdrs.EXPECT]
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"Expect is {expected!r}: use 100-continue")
    await request.writer.write(CONTINUE)
    # aiohttp does not let an answer be changed once bytes of it were sent. These bytes are not of the answer.
    request.writer.output_size = 0


def _refuse_unwanted(request: web.Request) -> None:
    if request.method != hdrs.METH_POST:
        raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
    if (size := request.content_length or 0) > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, size)
