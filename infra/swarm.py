"""The interface between what hosts the swarm and what runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from infra import ssh
from infra.addresses import Addresses
from infra.ssh import Identity
from infra.unrecorded import Found

USUAL_MTU = 1500  # bytes of a packet, which docker's overlay networks count on

THINGS = ("network", "secret", "service")  # of a swarm, as docker's commands have them

Role = Literal["manager", "worker"]  # of a node


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """A Docker Swarm that is up, whatever it runs on.

    docker_host: the manager's docker as ``ssh://USER@ADDRESS[:PORT]``, known once the manager answers.
    identity: how ssh authenticates there.
    manager_address: the address at which the nodes reach the manager.
    share: the folder that all nodes have in common.
    platform: what images are built for, such as linux/amd64.
    workers: the number of workers.
    manager: the resource whose deletion takes the swarm with it.
    members: resources that are done when every worker has joined.
    tunnelled: whether the operator reaches only ssh, and so needs a tunnel to the services.
    operator_address: where the operator reaches the services, if it is not ``manager_address``.
    operator_ports: the ports there that are not those of the services on the manager, by the latter.
    worker_containers: ids of the workers, if they are containers on the operator's own docker. Then that
    docker also builds the images.
    addresses: those of the networks in the swarm; None where one that exists keeps what it has.
    mtu: the largest packet between nodes, as far as it is known to be smaller than usual.
    """

    docker_host: pulumi.Input[str]
    identity: Identity
    manager_address: pulumi.Input[str]
    share: str
    platform: str
    workers: int
    manager: pulumi.CustomResource
    members: tuple[pulumi.Resource, ...]
    tunnelled: bool = False
    operator_address: str = ""
    operator_ports: Mapping[int, int] = field(default_factory=dict)
    worker_containers: tuple[pulumi.Output[str], ...] = ()
    addresses: Addresses | None = None
    mtu: int = USUAL_MTU

    def endpoint(self, port: int) -> pulumi.Output[str]:
        """HOST:PORT of a service on the manager, for the operator. With a tunnel, HOST is its near end."""
        host = "localhost" if self.tunnelled else self.operator_address or self.manager_address
        return pulumi.Output.concat(host, f":{self.operator_ports.get(port, port)}")

    async def docker(self, command: str) -> str:
        """Run a docker command on the manager and return its standard output. Raises RemoteError."""
        docker_host = await pulumi.Output.from_input(self.docker_host).future()
        return await asyncio.to_thread(ssh.docker, self.identity, str(docker_host), command)

    async def things(self) -> Found:
        """All that the swarm has by a name that no other may have. Raises RemoteError."""
        commands = (f"{kind} ls --format '{{{{.Name}}}}'" for kind in THINGS)
        listed = await asyncio.gather(*map(self.docker, commands))
        return {
            (kind, name): [f"{kind} rm {name}"]
            for kind, names in zip(THINGS, listed, strict=True)
            for name in names.split()
        }
