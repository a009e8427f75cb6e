"""The images of the services: the target decides where they are built, services use them by digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_docker as docker

from infra.base_image import BaseImage
from infra.swarm import Role, Swarm
from infra.workflow_folder import DOCKERFILE
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

    def extended(self, folders: Sequence[Path], registry: Service) -> pulumi.Output[str]:
        """The image oodt, which was pushed, with what these workflows add to it, for the workers."""
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
        self._pushed: dict[str, pulumi.Output[str]] = {}
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
        return self._push(name, _build(name, self._base, self._swarm), registry)

    def extended(self, folders: Sequence[Path], registry: Service) -> pulumi.Output[str]:
        image = self._pushed["oodt"]
        for folder in folders:
            build = _build_on(folder, {"OODT": image}, self._swarm)
            image = self._push(_name(folder), build, registry)
        return image

    def _push(self, name: str, build: docker.DockerBuildArgs, registry: Service) -> pulumi.Output[str]:
        server = pulumi.Output.concat(self._swarm.manager_address, f":{REGISTRY_PORT}")
        self._pushed[name] = docker.Image(
            f"{name}-image",
            image_name=pulumi.Output.concat(server, f"/{name}:latest"),
            # The registry asks for no login, but docker's clients refuse to push without any name.
            registry=docker.RegistryArgs(server=server, username="cluster", password="cluster"),
            build=build,
            opts=_after(self._with_manager, registry),
        ).repo_digest
        return self._pushed[name]


class _LocallyBuilt(Images):
    """Built on the user's docker, where they stay when the cluster is destroyed, and copied from there."""

    def __init__(self, prefix: str, swarm: Swarm, opts: pulumi.ResourceOptions) -> None:
        super().__init__("images", swarm, opts)
        self._prefix = prefix
        self._own = pulumi.ResourceOptions(parent=self)
        self._base = BaseImage("cluster-base", opts=self._own)
        self._built: dict[str, pulumi.Output[str]] = {}
        self._copies: list[pulumi.Resource] = []
        self.register_outputs({})

    def local(self, name: str) -> pulumi.Output[str]:
        return ManagerImage(name, self._own_image(name), self._swarm, self._with_manager).reference

    def pushed(self, name: str, registry: Service, role: Role) -> pulumi.Output[str]:
        return self._push(name, self._own_image(name), registry, role)

    def extended(self, folders: Sequence[Path], registry: Service) -> pulumi.Output[str]:
        name = "oodt"
        for folder in folders:
            # BuildKit knows no image by its id. Nobody reads OODT_ID; another one makes another build.
            below: dict[str, pulumi.Input[str]] = {
                "OODT": f"{self._prefix}-{name}:latest",
                "OODT_ID": self._built[name],
            }
            name = _name(folder)
            self._image(name, _build_on(folder, below, self._swarm))
        return self._push(name, self._built[name], registry, "worker")

    def _push(
        self, name: str, image: pulumi.Output[str], registry: Service, role: Role
    ) -> pulumi.Output[str]:
        # The first upload begins as soon as the registry answers, seconds before docker calls it healthy. The
        # uploads follow each other, because all nodes share the processors: a service whose image has arrived
        # starts during the next upload.
        opts = _after(self._with_manager, registry.declared, *self._copies)
        upload = RegistryImage(name, image, self._swarm, opts)
        worker = role == "worker"
        nodes = self._swarm.worker_containers if worker else (self._swarm.manager.id,)
        opts = _after(self._with_manager, *(self._swarm.members if worker else ()))
        self._copies.append(NodeImages(f"{name}-on-{role}", upload.reference, nodes, opts))
        return upload.reference

    def _own_image(self, name: str) -> pulumi.Output[str]:
        return self._image(name, _build(name, self._base, self._swarm))

    def _image(self, name: str, build: docker.DockerBuildArgs) -> pulumi.Output[str]:
        self._built[name] = docker.Image(
            f"{name}-image",
            image_name=f"{self._prefix}-{name}:latest",
            skip_push=True,
            build=build,
            opts=self._own,
        ).repo_digest
        return self._built[name]


def _after(opts: pulumi.ResourceOptions, *needed: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(needed)))


def _build(name: str, base: BaseImage, swarm: Swarm) -> docker.DockerBuildArgs:
    return docker.DockerBuildArgs(
        context=".",
        dockerfile=f"images/{name}/Dockerfile",
        args={"BASE": base.image},
        platform=swarm.platform,
    )


def _build_on(
    folder: Path, arguments: Mapping[str, pulumi.Input[str]], swarm: Swarm
) -> docker.DockerBuildArgs:
    """What a workflow adds: by a Dockerfile of its own, or by ours, which reads its lists of packages."""
    own = folder / DOCKERFILE
    return docker.DockerBuildArgs(
        context=str(folder),
        dockerfile=str(own) if own.is_file() else "images/programs/Dockerfile",
        args=arguments,
        platform=swarm.platform,
    )


def _name(folder: Path) -> str:
    """An image's name for a workflow: docker takes few characters, and folders may differ in others."""
    name = folder.name
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (
        f"oodt-{plain}" if plain == name else f"oodt-{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    )
