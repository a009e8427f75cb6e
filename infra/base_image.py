"""Debian, which every image starts from, on a docker that is about to build images."""

from __future__ import annotations

import subprocess
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

from infra import ssh
from infra.saved_image import copy
from infra.ssh import Identity

DEBIAN = "debian:trixie-slim"
# The same suite, made on this machine by toolchain/base_image where no image registry can be reached.
OWN = "oodt-base:trixie"
LOOK_TIMEOUT = 30  # seconds
PULL_TIMEOUT = 600  # seconds for some 100 MB


class BaseImageError(RuntimeError):
    """There is no base image to be had; the message says what to do."""


class _BaseImageProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        image = _on_manager(props) if props["docker_host"] else _on_this_machine()
        return CreateResult("base", {**props, "image": image})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=olds["generation"] != news["generation"], replaces=["generation"])


def _on_this_machine() -> str:
    for image in (OWN, DEBIAN):
        if _has(image):
            return image
    if _pulls(["docker"]):
        return DEBIAN
    raise BaseImageError(f"cannot pull {DEBIAN}, and there is no {OWN}; type: make toolchain")


def _on_manager(props: dict[str, Any]) -> str:
    docker = [*ssh.command(Identity(folder=props["folder"]), props["docker_host"]), "docker"]
    if _has(OWN):
        return copy(OWN, docker)
    if _pulls(docker):
        return DEBIAN
    host = urlsplit(props["docker_host"]).hostname
    raise BaseImageError(f"{host} cannot pull {DEBIAN}, and there is no {OWN} to copy; type: make toolchain")


def _has(image: str) -> bool:
    return _succeeds(["docker", "image", "inspect", image], LOOK_TIMEOUT)


def _pulls(docker: list[str]) -> bool:
    return _succeeds([*docker, "pull", "-q", DEBIAN], PULL_TIMEOUT)


def _succeeds(command: list[str], timeout: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=timeout, check=False).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


class BaseImage(Resource, module="docker", name="BaseImage"):
    """Makes the base image available on a docker and says its name there.

    ``docker_host`` is empty for the user's own docker; ``generation`` changes when a docker is another one.
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
