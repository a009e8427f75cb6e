"""What every resource type offers the provider, and what those described by a schema have in common."""

from __future__ import annotations

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from .connection import Daemon
from .schema import Change, Fields, applied, changes, planned, problems, unknown_outputs, with_defaults
from .values import Properties

Log = Callable[[str], None]  # shows one line as the resource's progress
Problems = list[tuple[str, str]]  # property path and reason
POLL_INTERVAL = 0.5  # seconds


class ResourceType(ABC):
    """A type of resource. Its methods take and return plain property maps; what they do may block."""

    token: ClassVar[str]

    def deletes_before_replace(self, inputs: Properties) -> bool:
        """Whether the old resource must be gone before a new one with these inputs can be made."""
        return False

    @abstractmethod
    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        """The inputs with defaults, and what is wrong with them; ``old`` are the last inputs."""

    @abstractmethod
    def diff(self, state: Properties, inputs: Properties) -> list[Change]:
        """How the state will differ once the inputs are applied."""

    @abstractmethod
    def preview(self, inputs: Properties, state: Properties | None) -> Properties:
        """The outputs that a creation, or an update of ``state``, will have, as far as they are known."""

    @abstractmethod
    def create(self, daemon: Daemon, inputs: Properties, log: Log) -> tuple[str, Properties]:
        """Make the resource and return its id and state."""

    @abstractmethod
    def read(self, daemon: Daemon, id: str, state: Properties) -> Properties | None:
        """The state as it is now; None when the resource is gone."""

    @abstractmethod
    def update(self, daemon: Daemon, id: str, state: Properties, inputs: Properties, log: Log) -> Properties:
        """Change the resource in place and return its new state."""

    @abstractmethod
    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        """Remove the resource; one that is gone already is no error."""


class SchemaResource(ResourceType):
    """A type whose checks, differences and states follow from its fields."""

    fields: ClassVar[Fields]
    state_version: ClassVar[int] = 0  # the vendor's, so that its plugin can go on with our state

    @abstractmethod
    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        """Make the resource and return its id."""

    @abstractmethod
    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        """The properties that docker reports, None if the resource is gone; the others stay as known."""

    def change(self, daemon: Daemon, id: str, state: Properties, wanted: Properties, log: Log) -> None:
        """Change the resource in place from its state to the wanted one."""
        raise NotImplementedError(f"{self.token} has no property that changes in place")

    def deletes_before_replace(self, inputs: Properties) -> bool:
        return "name" not in inputs.get("__defaults", ())  # else it has a name of its own

    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        defaults = []
        if "name" in self.fields and "name" not in inputs:
            inputs = {**inputs, "name": old.get("name") or f"{name}-{secrets.token_hex(4)[:7]}"}
            defaults.append("name")
        return {**with_defaults(self.fields, inputs), "__defaults": defaults}, list(
            problems(self.fields, inputs)
        )

    def diff(self, state: Properties, inputs: Properties) -> list[Change]:
        return list(changes(self.fields, state, inputs))

    def preview(self, inputs: Properties, state: Properties | None) -> Properties:
        return unknown_outputs(self.fields, inputs) if state is None else planned(self.fields, state, inputs)

    def create(self, daemon: Daemon, inputs: Properties, log: Log) -> tuple[str, Properties]:
        id = self.make(daemon, inputs, log)
        return id, self._applied(daemon, id, planned(self.fields, {}, inputs))

    def read(self, daemon: Daemon, id: str, state: Properties) -> Properties | None:
        return self._state(daemon, id, state) or None

    def update(self, daemon: Daemon, id: str, state: Properties, inputs: Properties, log: Log) -> Properties:
        wanted = planned(self.fields, state, inputs)
        self.change(daemon, id, state, wanted, log)
        return self._applied(daemon, id, wanted)

    def _applied(self, daemon: Daemon, id: str, wanted: Properties) -> Properties:
        found = self._state(daemon, id, wanted)
        if not found:
            raise LookupError(f"{self.token} {id} went away while it was being made")
        return {**found, **applied(self.fields, wanted, found)}

    def _state(self, daemon: Daemon, id: str, known: Properties) -> Properties:
        found = self.inspect(daemon, id, known)
        if found is None:
            return {}
        return {**known, **found, "id": id, "__meta": json.dumps({"schema_version": str(self.state_version)})}


def wait_until(daemon: Daemon, done: Callable[[], Any], timeout: float, complaint: str) -> None:
    """Poll until ``done`` returns something true; raise TimeoutError with the complaint otherwise."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} after {timeout:g} s")
        daemon.pause(POLL_INTERVAL)
