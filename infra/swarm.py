"""The interface between what hosts the swarm and what runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi

from infra.addresses import Addresses
from infra.ssh import Identity

USUAL_MTU = 1500  # bytes of a packet, which docker's overlay networks count on

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
    operator_address: the address at which the operator reaches the manager, if it is not ``manager_address``.
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
    worker_containers: tuple[pulumi.Output[str], ...] = ()
    addresses: Addresses | None = None
    mtu: int = USUAL_MTU

    @property
    def service_host(self) -> pulumi.Input[str]:
        """The services' host in the operator's addresses. With a tunnel it is the tunnel's near end."""
        return "localhost" if self.tunnelled else self.operator_address or self.manager_address
