"""docker:index/serviceConfig:ServiceConfig"""

from __future__ import annotations

import base64
from typing import ClassVar

from docker.errors import NotFound

from .connection import Daemon
from .convert import from_labels, to_labels
from .resource import Log, Problems, SchemaResource
from .schema import Fields, labels, text
from .secret import BASE64
from .values import Properties


class ServiceConfig(SchemaResource):
    token = "docker:index/serviceConfig:ServiceConfig"
    fields: ClassVar[Fields] = {
        "name": text(required=True, replaces=True),
        "data": text(replaces=True, allowed=BASE64),
        "dataRaw": text(replaces=True),
        "labels": labels(replaces=True),
    }

    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        checked, problems = super().check(name, inputs, old, log)
        if ("data" in inputs) == ("dataRaw" in inputs):
            problems.append(("data", "exactly one of data and dataRaw is required"))
        return checked, problems

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        data = inputs["dataRaw"].encode() if "dataRaw" in inputs else base64.b64decode(inputs["data"])
        return str(daemon.api.create_config(inputs["name"], data, from_labels(inputs.get("labels")))["ID"])

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        try:
            found = daemon.api.inspect_config(id)["Spec"]
        except NotFound:
            return None
        data = (
            {"dataRaw": base64.b64decode(found["Data"]).decode()}
            if known.get("dataRaw")
            else {"data": found["Data"]}
        )
        return {"name": found["Name"], "labels": to_labels(found["Labels"]), **data}

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        try:
            daemon.api.remove_config(id)
        except NotFound:
            return
