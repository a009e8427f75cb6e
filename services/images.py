"""The images of the services: built on the manager, kept in the cluster's own registry, used by digest."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from infra.base_image import BaseImage
from infra.swarm import Swarm
from runtime.names import REGISTRY_PORT


class Images:
    """Declares images on the manager's docker, all from the same base image."""

    def __init__(self, swarm: Swarm, opts: pulumi.ResourceOptions) -> None:
        self._swarm = swarm
        self._opts = opts
        self._base = BaseImage(
            "cluster-base",
            docker_host=swarm.docker_host,
            identity=swarm.identity,
            generation=swarm.manager.id,
            opts=pulumi.ResourceOptions(deleted_with=swarm.manager),
        )

    def local(self, name: str) -> pulumi.Output[str]:
        """An image that stays on the manager, for what has to run before the registry: its id."""
        return self._image(name, f"oodt-{name}:latest").repo_digest

    def pushed(self, name: str, registry: pulumi.Resource) -> pulumi.Output[str]:
        """An image in the cluster's registry, as MANAGER:5000/NAME@sha256:..."""
        server = pulumi.Output.concat(self._swarm.manager_address, f":{REGISTRY_PORT}")
        return self._image(
            name, pulumi.Output.concat(server, f"/{name}:latest"), server, registry
        ).repo_digest

    def _image(
        self,
        name: str,
        image_name: pulumi.Input[str],
        server: pulumi.Input[str] | None = None,
        registry: pulumi.Resource | None = None,
    ) -> docker.Image:
        # The registry asks for no login, but docker's clients refuse to push without any name.
        login = (
            docker.RegistryArgs(server=server, username="cluster", password="cluster")
            if server is not None
            else None
        )
        return docker.Image(
            f"{name}-image",
            image_name=image_name,
            skip_push=login is None,
            registry=login,
            build=docker.DockerBuildArgs(
                context=".",
                dockerfile=f"images/{name}/Dockerfile",
                args={"BASE": self._base.image},
                platform=self._swarm.platform,
            ),
            opts=pulumi.ResourceOptions.merge(
                self._opts, pulumi.ResourceOptions(depends_on=[registry] if registry else [])
            ),
        )
