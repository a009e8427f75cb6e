"""The images of the services: the target decides where they are built, services use them by digest."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from infra.base_image import BaseImage
from infra.swarm import Role, Swarm
from runtime.names import REGISTRY_PORT
from services.image_copies import ManagerImage, NodeImages, RegistryImage
from services.service import Service


class Images(pulumi.ComponentResource):
    """Images, all from the same base image."""

    def __init__(self, name: str, swarm: Swarm, opts: pulumi.ResourceOptions) -> None:
        super().__init__("oodt:services:Images", name, {}, opts)
        self._swarm = swarm
        # The manager's docker goes with the manager, and with it all that is copied there.
        self._with_manager = pulumi.ResourceOptions(parent=self, deleted_with=swarm.manager)

    def local(self, name: str) -> pulumi.Output[str]:
        """The id of an image that only the manager has, for services that run before the registry does."""
        raise NotImplementedError

    def pushed(self, name: str, registry: Service, role: Role) -> pulumi.Output[str]:
        """An image in the cluster's registry, as MANAGER:5000/NAME@sha256:..., for nodes of this role."""
        raise NotImplementedError


def images(prefix: str, swarm: Swarm, on_swarm: docker.Provider, parent: pulumi.Resource) -> Images:
    """``prefix`` is the start of the images' names on the user's docker."""
    if swarm.worker_containers:
        return _LocallyBuilt(prefix, swarm, pulumi.ResourceOptions(parent=parent))
    return _BuiltOnManager(swarm, pulumi.ResourceOptions(parent=parent, provider=on_swarm))


class _BuiltOnManager(Images):
    """Built on the manager's docker and pushed from there: the operator may be far away or have no docker."""

    def __init__(self, swarm: Swarm, opts: pulumi.ResourceOptions) -> None:
        super().__init__("images", swarm, opts)
        self._base = BaseImage(
            "cluster-base",
            docker_host=swarm.docker_host,
            identity=swarm.identity,
            generation=swarm.manager.id,
            opts=self._with_manager,
        )
        self.register_outputs({})

    def local(self, name: str) -> pulumi.Output[str]:
        return docker.Image(
            f"{name}-image",
            image_name=f"oodt-{name}:latest",
            skip_push=True,
            build=_build(name, self._base, self._swarm),
            opts=self._with_manager,
        ).repo_digest

    def pushed(self, name: str, registry: Service, role: Role) -> pulumi.Output[str]:
        server = pulumi.Output.concat(self._swarm.manager_address, f":{REGISTRY_PORT}")
        return docker.Image(
            f"{name}-image",
            image_name=pulumi.Output.concat(server, f"/{name}:latest"),
            # The registry asks for no login, but docker's clients refuse to push without any name.
            registry=docker.RegistryArgs(server=server, username="cluster", password="cluster"),
            build=_build(name, self._base, self._swarm),
            opts=_after(self._with_manager, registry),
        ).repo_digest


class _LocallyBuilt(Images):
    """Built on the user's docker, where they stay when the cluster is destroyed, and copied from there."""

    def __init__(self, prefix: str, swarm: Swarm, opts: pulumi.ResourceOptions) -> None:
        super().__init__("images", swarm, opts)
        self._prefix = prefix
        self._own = pulumi.ResourceOptions(parent=self)
        self._base = BaseImage("cluster-base", opts=self._own)
        self._copies: list[pulumi.Resource] = []
        self.register_outputs({})

    def local(self, name: str) -> pulumi.Output[str]:
        return ManagerImage(name, self._image(name), self._swarm, self._with_manager).reference

    def pushed(self, name: str, registry: Service, role: Role) -> pulumi.Output[str]:
        # The first upload begins as soon as the registry answers, seconds before docker calls it healthy. The
        # uploads follow each other, because all nodes share the processors: a service whose image has arrived
        # starts during the next upload.
        opts = _after(self._with_manager, registry.declared, *self._copies)
        upload = RegistryImage(name, self._image(name), self._swarm, opts)
        worker = role == "worker"
        nodes = self._swarm.worker_containers if worker else (self._swarm.manager.id,)
        opts = _after(self._with_manager, *(self._swarm.members if worker else ()))
        self._copies.append(NodeImages(f"{name}-on-{role}", upload.reference, nodes, opts))
        return upload.reference

    def _image(self, name: str) -> pulumi.Output[str]:
        return docker.Image(
            f"{name}-image",
            image_name=f"{self._prefix}-{name}:latest",
            skip_push=True,
            build=_build(name, self._base, self._swarm),
            opts=self._own,
        ).repo_digest


def _after(opts: pulumi.ResourceOptions, *needed: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(needed)))


def _build(name: str, base: BaseImage, swarm: Swarm) -> docker.DockerBuildArgs:
    return docker.DockerBuildArgs(
        context=".",
        dockerfile=f"images/{name}/Dockerfile",
        args={"BASE": base.image},
        platform=swarm.platform,
    )
