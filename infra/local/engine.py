"""What the user's own docker can do; it is asked before anything is declared."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra import patience, routes
from infra.local import ports

ANSWER_TIMEOUT = 15  # seconds
POOL_LABEL = "oodt.address-pool"  # of the nodes' network
ROOTFUL = "use docker as root has it: export DOCKER_HOST=unix:///var/run/docker.sock"
MANAGER = "-manager"  # ends the name of each cluster's manager
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64"}  # docker info's names, and those of images


class EngineError(RuntimeError):
    """The user's docker cannot host the nodes; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The user's docker.

    ``missing_capabilities`` are those that it cannot give to a container; ``subnets`` are in use, each with
    the name of its network; ``routes`` are the networks that this machine is in or has routes to; ``pools``
    are the address pools of clusters, by the name of their network: empty for one from before they had any.
    ``ports`` are those at which clusters have published their services, by the name of the manager's
    container: empty for one from before they did. ``is_here`` says whether docker publishes on this machine.
    """

    platform: str
    cgroup_version: int
    missing_capabilities: tuple[str, ...]
    subnets: Mapping[IPv4Network, str]
    routes: Sequence[IPv4Network] = ()
    pools: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    is_here: bool = True

    def network_in(self, subnet: IPv4Network, own: str) -> str | None:
        """Name of a network other than ``own`` that has addresses of the subnet."""
        names = (name for taken, name in self.subnets.items() if taken.overlaps(subnet) and name != own)
        return next(names, None)


def inspect() -> Engine:
    """Ask the docker that the environment points at.

    Raises EngineError when it does not answer or does not run Linux containers.
    """
    info = json.loads(docker("info", "--format", "{{json .}}"))
    if not info.get("OSType"):
        reason = "; ".join(info.get("ServerErrors") or ["no answer"])
        raise EngineError(f"docker does not answer ({reason}); start it, or type: make toolchain")
    if info["OSType"] != "linux":
        raise EngineError(f"docker runs {info['OSType']} containers; the nodes need Linux ones")
    if fault := unfit(info, json.loads(docker("version", "--format", "{{json .Server}}"))):
        raise EngineError(fault)
    managers = docker("ps", "-aq", "--no-trunc", "--filter", f"name={MANAGER}$").split()
    containers = json.loads(docker("inspect", *managers)) if managers else []
    networks = json.loads(docker("network", "inspect", *docker("network", "ls", "-q").split()))
    return Engine(
        platform=f"linux/{PLATFORMS.get(info['Architecture'], info['Architecture'])}",
        cgroup_version=int(info.get("CgroupVersion") or 1),
        missing_capabilities=missing_capabilities(),
        subnets={
            IPv4Network(config["Subnet"]): network["Name"]
            for network in networks
            for config in network["IPAM"]["Config"] or ()
            if ":" not in config["Subnet"]
        },
        routes=routes.own(),
        pools={each["Name"]: (each["Labels"] or {}).get(POOL_LABEL, "") for each in networks},
        ports={each["Name"].removeprefix("/"): ports.published(each) for each in containers},
        is_here=is_here(os.environ.get("DOCKER_HOST", "")),
    )


def unfit(info: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    """Why no node works on an engine, from what `docker info` and `docker version` say; empty if one may.

    What was tried is in docs/targets/local.md.
    """
    host = os.environ.get("DOCKER_HOST", "not set")
    parts = {part["Name"]: part["Version"] for part in version.get("Components") or ()}
    if podman := parts.get("Podman Engine"):
        return (
            f"what answers is podman {podman}, whose containers cannot have an overlay network within them "
            f"(DOCKER_HOST is {host!r}).\n  fix: {ROOTFUL}"
        )
    if "name=rootless" in info.get("SecurityOptions", ()) and info.get("CgroupDriver") == "none":
        return (
            "docker is rootless, and its cgroup driver is 'none': a node could start no container "
            f"(cgroup v{info.get('CgroupVersion')}, DOCKER_HOST is {host!r}).\n  fix: {ROOTFUL}, or give "
            "your user control groups: cgroup v2 and systemd"
        )
    return ""


def is_here(docker_host: str) -> bool:
    """Whether a docker at this address, as DOCKER_HOST has it, publishes ports on this machine's loopback."""
    url = urlsplit(docker_host)
    return url.scheme in ("", "unix", "npipe") or url.hostname in ("localhost", "127.0.0.1", "::1")


def docker(*arguments: str) -> str:
    """Run a docker command that answers at once, and return its standard output. Raises EngineError."""
    limit = patience.stretched(ANSWER_TIMEOUT)
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=limit, check=False
        )
    except FileNotFoundError:
        raise EngineError("there is no docker command; install Docker, or type: make toolchain") from None
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"docker did not answer within {limit:g} s; restart it and try again ({patience.ADVICE})"
        ) from None
    if done.returncode and not done.stdout.strip():
        raise EngineError(
            f"docker does not answer ({done.stderr.strip()}); start it, or type: make toolchain"
        )
    return done.stdout


def missing_capabilities() -> tuple[str, ...]:
    """SYS_RESOURCE (bit 24) if this machine's bounding set lacks it: then docker cannot give it either."""
    sys_resource, status = 24, Path("/proc/self/status")
    if not status.exists():
        return ()
    bounding = next(line for line in status.read_text().splitlines() if line.startswith("CapBnd:")).split()[1]
    return () if int(bounding, 16) >> sys_resource & 1 else ("CAP_SYS_RESOURCE",)
