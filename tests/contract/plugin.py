"""Drives a Pulumi resource plugin over gRPC, as the engine does, with plain dicts for property maps."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # how the engine writes a value that is not known yet
SIGNATURE = "4dabf18193072939515e22adb298388d"  # key that marks a special object, such as a secret
SECRET = "1b47061264138c4ac30d75fd1eb44270"
CALL_TIMEOUT = 300  # seconds, longer than any convergence wait in the tests
START_TIMEOUT = 30  # seconds

Properties = dict[str, Any]
DiffKind = provider_pb2.PropertyDiff.Kind


def secret(value: Any) -> Properties:
    return {SIGNATURE: SECRET, "value": value}


def plain(value: Any) -> Any:
    """The value without secret marks, and whole numbers as int."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return plain(value["value"])
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), struct)
    return struct


def _dict(struct: struct_pb2.Struct) -> Properties:
    return dict(json_format.MessageToDict(struct))


class PluginError(Exception):
    """The plugin refused a call; the message is what the user would read."""


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side: keeps what the plugin logs."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.messages.append(request.message)
        return empty_pb2.Empty()


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What an update would do: changed property paths with their kind, and those that need a new resource."""

    changes: bool
    replaces: tuple[str, ...]
    delete_before_replace: bool
    detailed: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource that the plugin made: its id, checked inputs and state, as the engine would store them."""

    urn: str
    inputs: Properties
    id: str
    state: Properties

    @property
    def outputs(self) -> Properties:
        return {name: value for name, value in plain(self.state).items() if not name.startswith("__")}


class Plugin:
    """A running plugin process, configured for one docker host."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], configuration: Mapping[str, str]
    ) -> None:
        self.engine = Engine()
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        engine_pb2_grpc.add_EngineServicer_to_server(self.engine, self._server)
        engine_port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self._process = subprocess.Popen(
            [*command, f"127.0.0.1:{engine_port}"], stdout=subprocess.PIPE, env=dict(environment), text=True
        )
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_TIMEOUT, self._process.kill)
        watchdog.start()
        port = self._process.stdout.readline().strip()
        watchdog.cancel()
        assert port.isdigit(), f"{command[0]} printed no port within {START_TIMEOUT} s but {port!r}"
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.configure(configuration)

    def configure(self, configuration: Mapping[str, str]) -> None:
        checked = self._call(
            "CheckConfig",
            provider_pb2.CheckRequest(
                urn=self.urn("pulumi:providers:docker", "p"), news=_struct(configuration)
            ),
        )
        self._call(
            "Configure",
            provider_pb2.ConfigureRequest(
                variables={f"docker:config:{name}": value for name, value in _dict(checked.inputs).items()},
                args=checked.inputs,
                acceptSecrets=True,
            ),
        )

    def close(self) -> None:
        self._channel.close()
        self._process.terminate()
        self._process.wait(timeout=START_TIMEOUT)
        self._server.stop(grace=None)

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request, timeout=CALL_TIMEOUT)
        except grpc.RpcError as error:
            raise PluginError(error.details()) from None

    @staticmethod
    def urn(token: str, name: str) -> str:
        return f"urn:pulumi:test::contract::{token}::{name}"

    def version(self) -> str:
        return str(self._call("GetPluginInfo", empty_pb2.Empty()).version)

    def check(
        self, urn: str, inputs: Properties, old: Properties | None = None
    ) -> tuple[Properties, list[str]]:
        """The checked inputs, and one line for each that is refused."""
        request = provider_pb2.CheckRequest(
            urn=urn,
            olds=_struct(old or {}),
            news=_struct(inputs),
            randomSeed=uuid.uuid4().bytes + uuid.uuid4().bytes,
        )
        answer = self._call("Check", request)
        return _dict(answer.inputs), [f"{failure.property}: {failure.reason}" for failure in answer.failures]

    def preview(self, token: str, name: str, inputs: Properties) -> Properties:
        """What a preview of the creation shows."""
        urn = self.urn(token, name)
        checked, failures = self.check(urn, inputs)
        assert not failures, failures
        return _dict(
            self._call(
                "Create", provider_pb2.CreateRequest(urn=urn, properties=_struct(checked), preview=True)
            ).properties
        )

    def create(self, token: str, name: str, inputs: Properties) -> Resource:
        urn = self.urn(token, name)
        checked, failures = self.check(urn, inputs)
        assert not failures, failures
        answer = self._call(
            "Create", provider_pb2.CreateRequest(urn=urn, properties=_struct(checked), timeout=CALL_TIMEOUT)
        )
        return Resource(urn=urn, inputs=checked, id=answer.id, state=_dict(answer.properties))

    def diff(self, resource: Resource, inputs: Properties, ignore: Sequence[str] = ()) -> Diff:
        checked, failures = self.check(resource.urn, inputs, resource.inputs)
        assert not failures, failures
        answer = self._call(
            "Diff",
            provider_pb2.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                olds=_struct(resource.state),
                news=_struct(checked),
                old_inputs=_struct(resource.inputs),
                ignoreChanges=ignore,
            ),
        )
        return Diff(
            changes=answer.changes == provider_pb2.DiffResponse.DIFF_SOME,
            replaces=tuple(sorted(set(answer.replaces))),
            delete_before_replace=answer.deleteBeforeReplace,
            detailed={path: DiffKind.Name(item.kind) for path, item in sorted(answer.detailedDiff.items())},
        )

    def update(self, resource: Resource, inputs: Properties) -> Resource:
        checked, failures = self.check(resource.urn, inputs, resource.inputs)
        assert not failures, failures
        answer = self._call(
            "Update",
            provider_pb2.UpdateRequest(
                id=resource.id,
                urn=resource.urn,
                olds=_struct(resource.state),
                news=_struct(checked),
                old_inputs=_struct(resource.inputs),
                timeout=CALL_TIMEOUT,
            ),
        )
        return Resource(urn=resource.urn, inputs=checked, id=resource.id, state=_dict(answer.properties))

    def read(self, resource: Resource) -> Resource | None:
        """The resource as it is now, or None when it is gone."""
        answer = self._call(
            "Read",
            provider_pb2.ReadRequest(
                id=resource.id,
                urn=resource.urn,
                properties=_struct(resource.state),
                inputs=_struct(resource.inputs),
            ),
        )
        if not answer.id:
            return None
        return Resource(
            urn=resource.urn, inputs=_dict(answer.inputs), id=answer.id, state=_dict(answer.properties)
        )

    def cancel(self) -> None:
        """What the engine sends when the user interrupts it."""
        self._call("Cancel", empty_pb2.Empty())

    def delete(self, resource: Resource) -> None:
        self._call(
            "Delete",
            provider_pb2.DeleteRequest(
                id=resource.id, urn=resource.urn, properties=_struct(resource.state), timeout=CALL_TIMEOUT
            ),
        )


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], configuration: Mapping[str, str]
) -> Iterator[Plugin]:
    plugin = Plugin(command, environment, configuration)
    try:
        yield plugin
    finally:
        plugin.close()
