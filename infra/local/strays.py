"""What docker has of this stack and its state does not know, since the `up` that made it was killed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain

import pulumi
from pulumi.dynamic import Resource

from infra.dynamic import Props, Provider
from infra.local.engine import docker
from infra.ssh_key import LETS_IN
from infra.unrecorded import Found


def nodes(network: str, public_key: str) -> list[str]:
    """Names of the containers in a network that let the stack's key in: nobody else's. Raises EngineError."""
    listed = docker("ps", "--all", "--quiet", "--filter", f"network={network}").split()
    found = json.loads(docker("inspect", *listed)) if listed else []
    variable = f"{LETS_IN}={public_key}"
    return [each["Name"].removeprefix("/") for each in found if variable in each["Config"]["Env"]]


def unrecorded(network: str, public_key: str) -> Found:
    """Such nodes, and their network; docker keeps one that others are in too. Raises EngineError."""
    found = {("container", name): [f"container rm --force {name}"] for name in nodes(network, public_key)}
    if network not in docker("network", "ls", "--format", "{{.Name}}").split():
        return found
    return {**found, ("network", network): [*chain(*found.values()), f"network rm {network}"]}


class StraysProvider(Provider):
    """Removes such nodes when the stack is destroyed: network and volumes cannot go while they are there."""

    def act(self, props: Props) -> tuple[str, Props]:
        return props["network"], props

    def delete(self, _id: str, props: Props) -> None:
        """The state's own nodes are gone by then. Raises EngineError."""
        if found := nodes(props["network"], props["public_key"]):
            docker("rm", "--force", *found)


class Strays(Resource, module="local", name="Strays"):
    """The nodes depend on it, and it depends on ``after``: all that must not go before nodes."""

    def __init__(
        self,
        name: str,
        *,
        network: pulumi.Input[str],
        public_key: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        props = {"network": network, "public_key": public_key}
        needs = pulumi.ResourceOptions(depends_on=list(after))
        super().__init__(StraysProvider(), name, props, pulumi.ResourceOptions.merge(opts, needs))


class LeftoversProvider(Provider):
    """Removes such a network and such volumes when the stack is destroyed, after all that the state knows."""

    def act(self, props: Props) -> tuple[str, Props]:
        return props["prefix"], props

    def delete(self, _id: str, props: Props) -> None:
        """Raises EngineError, also where containers that are not the stack's are in the network."""
        prefix = props["prefix"]
        volume = re.compile(rf"{re.escape(prefix)}-(share|manager|worker[0-9]+)")
        listed = map(str.split, docker("network", "ls", "--format", "{{.ID}} {{.Name}}").splitlines())
        found = {
            "network": [number for number, name in listed if name == prefix],
            "volume": [name for name in docker("volume", "ls", "--quiet").split() if volume.fullmatch(name)],
        }
        for kind, names in found.items():
            if names:
                docker(kind, "rm", *names)


class Leftovers(Resource, module="local", name="Leftovers"):
    """The nodes' network and volumes depend on it."""

    def __init__(self, name: str, *, prefix: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(LeftoversProvider(), name, {"prefix": prefix}, opts)
