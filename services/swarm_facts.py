"""The swarm service: tells what docker says of nodes, services, containers. It alone has docker's socket."""

from __future__ import annotations

import pulumi

from runtime import names
from services.secrets import MountedSecret
from services.service_args import Mount, ServiceArgs


def swarm_facts(image: pulumi.Input[str], user_url: MountedSecret) -> ServiceArgs:
    """On a manager, since docker tells of the swarm nowhere else. It has no port and keeps nothing."""
    return ServiceArgs(
        image=image,
        args=["swarm"],
        role="manager",
        environment={names.NODE_NAME: "{{.Node.Hostname}}"},
        mounts=[Mount(source=names.DOCKER_SOCKET, target=names.DOCKER_SOCKET, read_only=True)],
        secrets=[user_url],
        health=["oodt-health", "swarm"],
        memory_limit=128,
    )
