"""The interface between what hosts the swarm and what runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi

from infra.ssh import Identity

Role = Literal["manager", "worker"]  # of a node


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """A Docker Swarm that is up, whatever it runs on.

    ``docker_host`` is the manager's docker as ``ssh://USER@ADDRESS[:PORT]``, known once the manager answers;
    ``manager_address`` is the address that the nodes reach it at; ``share`` is the folder that all nodes have
    in common; ``platform`` is what images are built for. ``manager`` is the resource whose deletion takes the
    swarm with it; ``members`` are done when every worker has joined. ``tunnelled`` where the operator reaches
    nothing but ssh; ``operator_address`` where he reaches the manager at another address than the nodes do.
    ``worker_containers`` are ids of the workers where they are containers on the operator's own docker, which
    then also builds the images.
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

    @property
    def service_host(self) -> pulumi.Input[str]:
        """The services' host in the operator's addresses: his own end of the tunnel, where he needs one."""
        return "localhost" if self.tunnelled else self.operator_address or self.manager_address
