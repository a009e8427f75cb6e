"""The images of the services: built where the target has them built, used by digest."""

from __future__ import annotations

from typing import Protocol

import pulumi
import pulumi_docker as docker

from infra.base_image import BaseImage
from infra.swarm import Role, Swarm
from runtime.names import REGISTRY_PORT
from services.convergence import Converged
from services.image_copies import ManagerImage, NodeImages, RegistryImage


class Images(Protocol):
    """Declares images, all from the same base image."""

    def local(self, name: str) -> pulumi.Output[str]:
        """An image that is on the manager only, for what has to run before the registry: its id."""

    def pushed(self, name: str, registry: Converged, role: Role) -> pulumi.Output[str]:
        """An image in the cluster's registry, as MANAGER:5000/NAME@sha256:..., and for which nodes it is."""


def images(prefix: str, swarm: Swarm, on_swarm: pulumi.ResourceOptions) -> Images:
    """The images of the stack whose objects on the user's docker begin with ``prefix``."""
    return _OwnImages(prefix, swarm) if swarm.worker_containers else _ManagersImages(swarm, on_swarm)


class _ManagersImages:
    """Built on the manager's docker and pushed from there: the operator may be far away or without one."""

    def __init__(self, swarm: Swarm, on_swarm: pulumi.ResourceOptions) -> None:
        self._swarm = swarm
        self._on_swarm = on_swarm
        self._base = BaseImage(
            "cluster-base",
            docker_host=swarm.docker_host,
            identity=swarm.identity,
            generation=swarm.manager.id,
            opts=pulumi.ResourceOptions(deleted_with=swarm.manager),
        )

    def local(self, name: str) -> pulumi.Output[str]:
        return docker.Image(
            f"{name}-image",
            image_name=f"oodt-{name}:latest",
            skip_push=True,
            build=_build(name, self._base, self._swarm),
            opts=self._on_swarm,
        ).repo_digest

    def pushed(self, name: str, registry: Converged, role: Role) -> pulumi.Output[str]:
        server = pulumi.Output.concat(self._swarm.manager_address, f":{REGISTRY_PORT}")
        return docker.Image(
            f"{name}-image",
            image_name=pulumi.Output.concat(server, f"/{name}:latest"),
            # The registry asks for no login, but docker's clients refuse to push without any name.
            registry=docker.RegistryArgs(server=server, username="cluster", password="cluster"),
            build=_build(name, self._base, self._swarm),
            opts=pulumi.ResourceOptions.merge(self._on_swarm, pulumi.ResourceOptions(depends_on=[registry])),
        ).repo_digest


class _OwnImages:
    """Built on the user's own docker, where what was built outlives the cluster, and copied from there."""

    def __init__(self, prefix: str, swarm: Swarm) -> None:
        self._prefix = prefix
        self._swarm = swarm
        self._base = BaseImage("cluster-base")
        self._copies: list[pulumi.Resource] = []

    def local(self, name: str) -> pulumi.Output[str]:
        return ManagerImage(name, self._image(name), self._swarm, self._with_manager()).reference

    def pushed(self, name: str, registry: Converged, role: Role) -> pulumi.Output[str]:
        # The first upload begins as soon as the registry answers, seconds before docker calls it healthy. One
        # image after another comes to the nodes that wait for it: they share the processors, and a service
        # whose image is there starts beside the next one's way.
        opts = self._with_manager(registry.declared, *self._copies)
        upload = RegistryImage(name, self._image(name), self._swarm, opts)
        worker = role == "worker"
        nodes = self._swarm.worker_containers if worker else (self._swarm.manager.id,)
        opts = self._with_manager(*self._swarm.members) if worker else self._with_manager()
        self._copies.append(NodeImages(f"{name}-on-{role}", upload.reference, nodes, opts))
        return upload.reference

    def _image(self, name: str) -> pulumi.Output[str]:
        return docker.Image(
            f"{name}-image",
            image_name=f"{self._prefix}-{name}:latest",
            skip_push=True,
            build=_build(name, self._base, self._swarm),
        ).repo_digest

    def _with_manager(self, *needed: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(deleted_with=self._swarm.manager, depends_on=needed)


def _build(name: str, base: BaseImage, swarm: Swarm) -> docker.DockerBuildArgs:
    return docker.DockerBuildArgs(
        context=".",
        dockerfile=f"images/{name}/Dockerfile",
        args={"BASE": base.image},
        platform=swarm.platform,
    )
