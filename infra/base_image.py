"""The base of all images, Debian, made available on a docker that will build images."""

from __future__ import annotations

import subprocess
from urllib.parse import urlsplit

import pulumi
from pulumi.dynamic import Resource

from infra import patience, ssh
from infra.dynamic import Props, Provider
from infra.saved_image import copy
from infra.ssh import Identity
from toolchain.versions import BASE_IMAGE, BASE_IMAGES, SUBSTITUTE_BASE_IMAGE

LOOK_TIMEOUT = 30  # seconds
PULL_TIMEOUT = 600  # seconds for some 100 MB


class BaseImageError(RuntimeError):
    """The base image is not available; the message says what to do."""


class _BaseImageProvider(Provider):
    replaced_by = ("generation",)

    def act(self, props: Props) -> tuple[str, Props]:
        if props["docker_host"]:
            image = _on_manager(self.identity(props), props["docker_host"])
        else:
            image = _on_this_machine()
        return "base", {**props, "image": image}


def _on_this_machine() -> str:
    if there := _first_there():
        return there
    if _pulls(["docker"]):
        return BASE_IMAGE
    raise BaseImageError(
        f"cannot pull {BASE_IMAGE}, and there is no {SUBSTITUTE_BASE_IMAGE}; type: make toolchain"
    )


def _on_manager(identity: Identity, docker_host: str) -> str:
    docker = [*ssh.command(identity, docker_host), "docker"]
    if _first_there() == SUBSTITUTE_BASE_IMAGE:  # the manager cannot pull more than this machine, as a rule
        return copy(SUBSTITUTE_BASE_IMAGE, docker)
    if _pulls(docker):
        return BASE_IMAGE
    host = urlsplit(docker_host).hostname
    raise BaseImageError(
        f"{host} cannot pull {BASE_IMAGE}, and there is no {SUBSTITUTE_BASE_IMAGE} to copy; "
        "type: make toolchain"
    )


def _first_there() -> str | None:
    """The first of the base images, in the order of preference, that this machine has."""
    return next((image for image in BASE_IMAGES if _has(image)), None)


def _has(image: str) -> bool:
    return _succeeds(["docker", "image", "inspect", image], LOOK_TIMEOUT)


def _pulls(docker: list[str]) -> bool:
    return _succeeds([*docker, "pull", "-q", BASE_IMAGE], PULL_TIMEOUT)


def _succeeds(command: list[str], timeout: float) -> bool:
    try:
        limit = patience.stretched(timeout)
        return subprocess.run(command, capture_output=True, timeout=limit, check=False).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


class BaseImage(Resource, module="docker", name="BaseImage"):
    """Makes the base image available on a docker and says its name there.

    ``docker_host`` is empty for the user's own docker; ``generation`` changes when the docker is replaced.
    """

    image: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        docker_host: pulumi.Input[str] = "",
        identity: Identity | None = None,
        generation: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "docker_host": docker_host,
            "folder": identity.folder if identity else "",
            "generation": generation,
            "image": None,
        }
        super().__init__(_BaseImageProvider(), name, props, opts)
