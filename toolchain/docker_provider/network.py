"""docker:index/network:Network"""

from __future__ import annotations

from typing import ClassVar

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from .connection import Daemon
from .convert import from_labels, given, to_labels
from .resource import Log, SchemaResource, wait_until
from .schema import Fields, block, flag, labels, mapping, output, text, unordered
from .values import Properties

REMOVAL_TIMEOUT = 30  # seconds for the last container to leave


class Network(SchemaResource):
    token = "docker:index/network:Network"
    state_version = 1
    fields: ClassVar[Fields] = {
        "name": text(required=True, replaces=True),
        "labels": labels(replaces=True),
        "driver": text(computed=True, replaces=True),
        "options": mapping(computed=True, replaces=True),
        "internal": flag(computed=True, replaces=True),
        "attachable": flag(replaces=True),
        "ingress": flag(replaces=True),
        "ipv6": flag(replaces=True),
        "ipamDriver": text(default="default", replaces=True),
        "ipamOptions": mapping(replaces=True),
        "ipamConfigs": unordered(
            block(
                {
                    "subnet": text(replaces=True),
                    "ipRange": text(replaces=True),
                    "gateway": text(replaces=True),
                    "auxAddress": mapping(replaces=True),
                }
            ),
            computed=True,
            replaces=True,
        ),
        "scope": output(),
    }

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        pools = [
            IPAMPool(
                config.get("subnet"), config.get("ipRange"), config.get("gateway"), config.get("auxAddress")
            )
            for config in inputs.get("ipamConfigs", ())
        ]
        answer = daemon.api.create_network(
            inputs["name"],
            driver=inputs.get("driver"),
            options=inputs.get("options"),
            ipam=IPAMConfig(inputs["ipamDriver"], pools, inputs.get("ipamOptions")),
            internal=inputs.get("internal", False),
            labels=from_labels(inputs.get("labels")) or None,
            enable_ipv6=inputs.get("ipv6", False),
            attachable=inputs.get("attachable"),
            ingress=inputs.get("ingress"),
        )
        return str(answer["Id"])

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        try:
            found = daemon.api.inspect_network(id)
        except NotFound:
            return None
        return {
            "name": found["Name"],
            "labels": to_labels(found["Labels"]),
            "driver": found["Driver"],
            "options": found["Options"] or {},
            "internal": found["Internal"],
            "attachable": found["Attachable"],
            "ingress": found["Ingress"],
            "ipv6": found["EnableIPv6"],
            "ipamDriver": found["IPAM"]["Driver"],
            "ipamOptions": found["IPAM"]["Options"] or {},
            "ipamConfigs": [
                given(
                    {
                        "subnet": config.get("Subnet") or None,
                        "ipRange": config.get("IPRange") or None,
                        "gateway": config.get("Gateway") or None,
                        "auxAddress": config.get("AuxiliaryAddresses") or None,
                    }
                )
                for config in found["IPAM"]["Config"] or ()
            ],
            "scope": found["Scope"],
        }

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        def removed() -> bool:
            try:
                daemon.api.remove_network(id)
            except NotFound:
                return True
            except APIError as error:
                if not any(words in str(error) for words in ("has active endpoints", "is in use by")):
                    raise
                return False
            return True

        wait_until(daemon, removed, REMOVAL_TIMEOUT, f"network {state['name']} still has containers")
