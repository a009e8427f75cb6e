"""docker:index/volume:Volume"""

from __future__ import annotations

from typing import ClassVar

from docker.errors import APIError, NotFound

from .connection import Daemon
from .convert import from_labels, to_labels
from .resource import Log, SchemaResource, wait_until
from .schema import Fields, labels, mapping, output, text
from .values import Properties

REMOVAL_TIMEOUT = 30  # seconds for the last container to go


class Volume(SchemaResource):
    token = "docker:index/volume:Volume"
    state_version = 1
    fields: ClassVar[Fields] = {
        "name": text(computed=True, replaces=True),
        "labels": labels(replaces=True),
        "driver": text(computed=True, replaces=True),
        "driverOpts": mapping(replaces=True),
        "mountpoint": output(),
    }

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        made = daemon.api.create_volume(
            inputs.get("name"),
            inputs.get("driver"),
            inputs.get("driverOpts"),
            from_labels(inputs.get("labels")),
        )
        return str(made["Name"])

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        try:
            found = daemon.api.inspect_volume(id)
        except NotFound:
            return None
        return {
            "name": found["Name"],
            "labels": to_labels(found["Labels"]),
            "driver": found["Driver"],
            "driverOpts": found["Options"] or {},
            "mountpoint": found["Mountpoint"],
        }

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        def removed() -> bool:
            try:
                daemon.api.remove_volume(id, force=True)
            except NotFound:
                return True
            except APIError as error:
                if "volume is in use" not in str(error):
                    raise
                return False
            return True

        wait_until(daemon, removed, REMOVAL_TIMEOUT, f"volume {id} is still in use")
