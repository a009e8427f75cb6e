"""Passes each request of the engine to the resource type that it is about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import requests
from docker.errors import APIError
from pulumi.provider.experimental import provider as rpc

from .connection import CONNECTIONS, Daemon, default_host
from .container import Container
from .image import Image
from .network import Network
from .resource import Log, ResourceType
from .schema import Verb
from .secret import Secret
from .service import Service
from .service_config import ServiceConfig
from .values import UNKNOWN, plain, wrap
from .volume import Volume

Result = TypeVar("Result")
KINDS = {
    (Verb.ADD, False): rpc.PropertyDiffKind.ADD,
    (Verb.ADD, True): rpc.PropertyDiffKind.ADD_REPLACE,
    (Verb.UPDATE, False): rpc.PropertyDiffKind.UPDATE,
    (Verb.UPDATE, True): rpc.PropertyDiffKind.UPDATE_REPLACE,
    (Verb.DELETE, False): rpc.PropertyDiffKind.DELETE,
    (Verb.DELETE, True): rpc.PropertyDiffKind.DELETE_REPLACE,
}
CONFIGURATION = {"host", "sshOpts", "version"}


class DockerProvider(rpc.Provider):
    """Serves the resource types; ``log`` shows a line as progress of the resource with the given URN."""

    def __init__(self, log: Callable[[str, str], None]) -> None:
        self._log = log
        self._daemon = Daemon(default_host())
        self._threads = ThreadPoolExecutor(CONNECTIONS)  # each uses one connection at a time
        types: tuple[ResourceType, ...] = (
            Container(), Image(), Network(), Secret(), Service(), ServiceConfig(), Volume(),
        )  # fmt: skip
        self._types = {kind.token: kind for kind in types}

    def _type(self, qualified: str) -> ResourceType:
        token = qualified.rpartition("$")[2]  # the SDK reads it from the URN, with the types of all parents
        if token not in self._types:
            raise ValueError(
                f"{token} is not carried by the project's substitute of pulumi-docker; install the vendor's"
            )
        return self._types[token]

    def _progress(self, urn: str) -> Log:
        return lambda line: self._log(urn, line)

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except requests.RequestException as error:
            if isinstance(error, APIError):
                raise
            raise self._daemon.unreachable(error) from error

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        inputs = {"host": default_host(), **plain(request.new_inputs)}
        if isinstance(options := inputs.get("sshOpts"), str) and options != UNKNOWN:
            inputs["sshOpts"] = json.dumps(
                json.loads(options), separators=(",", ":")
            )  # as the vendor's writes it
        failures = [
            rpc.CheckFailure(name, "this setting is not carried by the project's substitute of pulumi-docker")
            for name in inputs.keys() - CONFIGURATION
        ]
        return rpc.CheckResponse(wrap(inputs), failures)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        settings = plain(request.args)
        self._daemon = Daemon(settings["host"], tuple(json.loads(settings.get("sshOpts", "[]"))))
        return rpc.ConfigureResponse(supports_preview=True)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        kind, given, old = self._type(request.type), plain(request.new_inputs), plain(request.old_inputs)
        log = self._progress(request.urn)
        inputs, problems = await self._in_thread(lambda: kind.check(request.name, given, old, log))
        return rpc.CheckResponse(wrap(inputs), [rpc.CheckFailure(path, reason) for path, reason in problems])

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        kind, state, inputs = self._type(request.type), plain(request.old_state), plain(request.new_inputs)
        ignored = tuple(request.ignore_changes)  # asked for by a refresh; an update resets such inputs itself
        changes = [change for change in kind.diff(state, inputs) if not change.is_within(ignored)]
        replaces = sorted({change.property for change in changes if change.replaces})
        return rpc.DiffResponse(
            changes=bool(changes),
            replaces=replaces,
            delete_before_replace=bool(replaces) and kind.deletes_before_replace(inputs),
            diffs=sorted({change.property for change in changes}),
            detailed_diff={
                change.path: rpc.PropertyDiff(KINDS[change.verb, change.replaces], input_diff=False)
                for change in changes
            },
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        kind, inputs = self._type(request.type), plain(request.properties)
        if request.preview:
            return rpc.CreateResponse(properties=wrap(kind.preview(inputs, None)))
        log = self._progress(request.urn)
        id, state = await self._in_thread(lambda: kind.create(self._daemon, inputs, log))
        return rpc.CreateResponse(id, wrap(state))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        kind, state, inputs = self._type(request.type), plain(request.properties), plain(request.inputs)
        found = await self._in_thread(lambda: kind.read(self._daemon, request.resource_id, state))
        if found is None:
            return rpc.ReadResponse()
        current = {name: found[name] for name in inputs.keys() & found.keys()}
        return rpc.ReadResponse(request.resource_id, wrap(found), wrap({**inputs, **current}))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        kind, state, inputs = self._type(request.type), plain(request.olds), plain(request.news)
        if request.preview:
            return rpc.UpdateResponse(wrap(kind.preview(inputs, state)))
        id, log = request.resource_id, self._progress(request.urn)
        updated = await self._in_thread(lambda: kind.update(self._daemon, id, state, inputs, log))
        return rpc.UpdateResponse(wrap(updated))

    async def cancel(self) -> None:
        self._daemon.cancel()

    async def delete(self, request: rpc.DeleteRequest) -> None:
        kind, state = self._type(request.type), plain(request.properties)
        await self._in_thread(lambda: kind.delete(self._daemon, request.resource_id, state))
