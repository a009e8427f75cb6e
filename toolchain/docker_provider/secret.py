"""docker:index/secret:Secret"""

from __future__ import annotations

import base64
from typing import ClassVar

from docker.errors import NotFound

from .connection import Daemon
from .convert import from_labels
from .resource import Log, SchemaResource
from .schema import Fields, labels, text
from .values import Properties

BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


class Secret(SchemaResource):
    token = "docker:index/secret:Secret"
    state_version = 1
    fields: ClassVar[Fields] = {
        "name": text(required=True, replaces=True),
        "data": text(required=True, replaces=True, allowed=BASE64, sensitive=True),
        "labels": labels(replaces=True),
    }

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        data = base64.b64decode(inputs["data"])
        return str(daemon.api.create_secret(inputs["name"], data, from_labels(inputs.get("labels")))["ID"])

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        try:
            found = daemon.api.inspect_secret(id)
        except NotFound:
            return None
        return {"name": found["Spec"]["Name"]}  # docker never returns the data

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        try:
            daemon.api.remove_secret(id)
        except NotFound:
            return
