"""Serves the provider over gRPC on a free port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from docker.errors import APIError
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

from . import VERSION
from .provider import DockerProvider

MESSAGE_LIMIT = 400 * 1024 * 1024  # bytes, as in the engine
LOG_TIMEOUT = 10  # seconds
PARENT_CHECK_INTERVAL = 2  # seconds
MISTAKES = (AttributeError, KeyError, TypeError)  # of this program: these keep the stack trace
METHODS = ("Check", "CheckConfig", "Configure", "Create", "Delete", "Diff", "Read", "Update")

Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Any, Context], Awaitable[Any]]


def _plainly(method: Method) -> Method:
    """The method, but its errors have only their message; the SDK would add a stack trace."""

    async def call(self: Any, request: Any, context: Context) -> Any:
        try:
            return await method(self, request, context)
        except Exception as error:
            cause = error.__context__ or error
            if isinstance(cause, MISTAKES):
                raise
            message = cause.explanation if isinstance(cause, APIError) else None
            await context.abort(grpc.StatusCode.UNKNOWN, message or str(cause))

    return call


class Servicer(ProviderServicer):
    """The SDK's adapter between gRPC and a provider."""


for _name in METHODS:
    setattr(Servicer, _name, _plainly(getattr(ProviderServicer, _name)))


class EngineLog:
    """Progress lines, shown by the engine beside the resource they are about."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def __call__(self, urn: str, line: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, urn=urn, message=line, ephemeral=True)
        self._engine.Log(request, timeout=LOG_TIMEOUT)


def serve(arguments: list[str]) -> None:
    """Serve until SIGINT, SIGTERM or the engine's end; the port is printed once it accepts calls."""
    asyncio.run(_serve(arguments))


async def _serve(arguments: list[str]) -> None:
    engine = next(argument for argument in arguments if not argument.startswith("-"))
    limits = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ]
    server = grpc.aio.server(options=limits)
    servicer = Servicer(arguments, VERSION, DockerProvider(EngineLog(engine)), engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    parent = os.getppid()
    while not ended.is_set() and os.getppid() == parent:  # an engine that is killed sends no signal
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PARENT_CHECK_INTERVAL)
    await server.stop(grace=None)
