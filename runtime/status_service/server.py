"""Serves the application until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

STOP_SECONDS = 3


def listen(port: int) -> socket.socket:
    """A socket on all addresses of this machine; raises OSError."""
    if socket.has_dualstack_ipv6():
        listening = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listening = socket.create_server(("", port))
    # asyncio sets it for sockets of its own making only. Without it the end of an answer waits until the
    # client acknowledges the beginning, which takes 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def serve(
    app: ASGIApp, listening: socket.socket, stop: asyncio.Event, end_streams: Callable[[], Awaitable[None]]
) -> None:
    """Answer requests until STOP is set, and then those that have come for STOP_SECONDS at most."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config)

    async def end() -> None:
        await stop.wait()
        await end_streams()
        server.should_exit = True

    async with asyncio.TaskGroup() as group:
        ending = group.create_task(end())
        await server.serve(sockets=[listening])
        ending.cancel()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process handles its signals itself."""
        yield
