"""Copies of images from the user's docker: on the manager's docker, or in the cluster's registry.

A new manager has an empty docker and an empty registry: images are copied again for it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from infra import patience, ssh
from infra.dynamic import Props, Provider
from infra.saved_image import COPY_TIMEOUT, ImageCopyError, copy, saved
from infra.swarm import Swarm
from runtime.names import REGISTRY_PORT
from services.registry_upload import answers, upload

REGISTRY_TIMEOUT = 120  # seconds for the registry to answer
# `docker pull` asks the registry even if the image is there.
PULL = 'docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1"'


class _CopyProvider(Provider):
    """Copies an image that is new, and copies it again when image, manager or destination change."""

    updated_by = ("image", "manager", "place")

    def act(self, props: Props) -> tuple[str, Props]:
        return props["name"], {**props, "reference": self.copy(props)}

    def copy(self, props: Props) -> str:
        raise NotImplementedError


class ManagerProvider(_CopyProvider):
    def copy(self, props: Props) -> str:
        identity, host = self.identity(props), props["place"]
        loaded = copy(props["image"], [*ssh.command(identity, host), "docker"])
        ssh.docker(identity, host, f"tag {loaded} oodt-{props['name']}:latest")  # for a person who looks
        return loaded


class RegistryProvider(_CopyProvider):
    limit = REGISTRY_TIMEOUT

    def copy(self, props: Props) -> str:
        """Wait for the registry; wait again if it restarts during the upload."""
        server, name, docker_host = props["place"], props["name"], props.get("docker_host")
        login = ssh.command(self.identity(props), docker_host) if docker_host else []
        deadline = time.monotonic() + patience.stretched(self.limit)
        while True:
            self.wait(f"the registry at {server}", lambda: answers(server, login) or None)
            try:
                with saved(props["image"], timeout=COPY_TIMEOUT) as archive:
                    return f"{server}/{name}@{upload(archive, server, name, login)}"
            except ConnectionError:
                if time.monotonic() > deadline:
                    raise


class NodesProvider(Provider):
    updated_by = ("image", "containers")

    def act(self, props: Props) -> tuple[str, Props]:
        with ThreadPoolExecutor(len(props["containers"])) as pool:
            list(pool.map(lambda container: pull(props["image"], container), props["containers"]))
        return props["image"], props


def pull(image: str, container: str) -> None:
    """Pull an image on the docker inside a container, unless it is there. Raises ImageCopyError."""
    line = ["docker", "exec", container, "sh", "-c", PULL, "pull", image]
    limit = patience.stretched(COPY_TIMEOUT)
    done = subprocess.run(line, capture_output=True, timeout=limit, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise ImageCopyError(f"docker pull of {image} in container {container[:12]}: {reason}")


def _inputs(name: str, image: pulumi.Input[str], swarm: Swarm, place: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "manager": swarm.manager.id,
        "folder": swarm.identity.folder,
        "docker_host": swarm.docker_host,
        "place": place,
        "reference": None,
    }


class ManagerImage(Resource, module="images", name="ManagerImage"):
    """An image of the user's docker on the manager's docker; ``reference`` is its name there."""

    reference: pulumi.Output[str]

    def __init__(
        self, name: str, image: pulumi.Input[str], swarm: Swarm, opts: pulumi.ResourceOptions
    ) -> None:
        inputs = _inputs(name, image, swarm, swarm.docker_host)
        super().__init__(ManagerProvider(), f"{name}-copy", inputs, opts)


class RegistryImage(Resource, module="images", name="RegistryImage"):
    """An image of the user's docker in the cluster's registry: ``reference``, MANAGER:5000/NAME@sha256:..."""

    reference: pulumi.Output[str]

    def __init__(
        self, name: str, image: pulumi.Input[str], swarm: Swarm, opts: pulumi.ResourceOptions
    ) -> None:
        registry = pulumi.Output.concat(swarm.manager_address, f":{REGISTRY_PORT}")
        super().__init__(RegistryProvider(), f"{name}-copy", _inputs(name, image, swarm, registry), opts)


class NodeImages(Resource, module="images", name="NodeImages"):
    """An image of the registry, pulled to nodes while the services that its own service needs still start.

    The nodes are containers of the user's docker.
    """

    def __init__(
        self,
        name: str,
        image: pulumi.Input[str],
        containers: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(NodesProvider(), name, {"image": image, "containers": list(containers)}, opts)
