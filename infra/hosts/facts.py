"""What is known of a host once it was asked: the answers of node/probe.py, typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from infra import routes
from infra.swarm import USUAL_MTU

# docker info's names, and those of images
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A docker that answers; ``node``, ``control`` and ``cluster`` where it is in a swarm.

    ``selinux``: it gives containers labels, by which SELinux tells what they may do.
    ``overlays`` are names and addresses of the overlay networks that a manager has.
    """

    version: str
    system: str
    architecture: str
    name: str
    free: int
    state: str
    node: str
    control: bool
    cluster: str
    nodes: tuple[str, ...]
    live_restore: bool
    selinux: bool
    insecure: tuple[str, ...]
    insecure_networks: tuple[str, ...]
    registry_flags: tuple[str, ...]
    overlays: tuple[tuple[str, IPv4Network], ...] = ()

    @property
    def platform(self) -> str:
        return f"{self.system}/{PLATFORMS.get(self.architecture, self.architecture)}"

    @property
    def in_swarm(self) -> bool:
        return self.state != "inactive"

    def accepts(self, registry: str) -> bool:
        """Whether it takes images from ``ADDRESS:PORT`` without TLS."""
        return _covers((*self.insecure, *self.insecure_networks), registry)

    def lacks_flag(self, registry: str) -> bool:
        """Whether its command line names registries without TLS, but not this.

        Docker does not start if both its command line and its configuration file name some.
        """
        return bool(self.registry_flags) and not _covers(self.registry_flags, registry)


@dataclass(frozen=True, kw_only=True)
class Share:
    """The shared folder as this host sees it; ``owners`` are the uids of the cluster's folders in it.

    ``gives_away``: folders that are not there yet can be made for other users; ``swarm``: the id of the swarm
    whose record is there; ``filesystem`` and ``options``: how this host has it mounted; ``locked``: folders
    where their owners may not write; ``links``: a file can have a second name; ``boolean``: of SELinux, keeps
    containers from NFS.
    """

    free: int
    owners: dict[str, int]
    gives_away: bool
    swarm: str
    filesystem: str = ""
    options: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    links: bool = True
    boolean: str = ""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why something could not be asked: a word for it, and what the host said."""

    kind: str
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One host; ``address`` is where ssh came in, ``ahead`` how far its clock is before this machine's.

    ``networks`` are those that it is in or has routes to; ``mtu`` is the largest packet that it gets to any
    other host, as far as it is not larger than usual.
    """

    host: str
    python: tuple[int, ...]
    user: str
    address: str
    ahead: float
    docker: Docker | Trouble
    share: Share | Trouble
    networks: tuple[IPv4Network, ...] = ()
    mtu: int = USUAL_MTU


def parse(host: str, greeting: dict[str, Any], look: dict[str, Any], asked_at: float) -> Facts:
    return Facts(
        host=host,
        python=tuple(greeting["python"]),
        user=greeting["user"],
        address=greeting["address"],
        ahead=look["clock"] - asked_at,
        docker=_docker(look),
        share=_share(look["share"]),
        networks=routes.networks(look["routes"]),
    )


def _covers(entries: Sequence[str], registry: str) -> bool:
    """Whether ADDRESS:PORT is among addresses and IPv4 networks."""
    address = IPv4Address(registry.partition(":")[0])
    networks = [IPv4Network(each, strict=False) for each in entries if "/" in each and ":" not in each]
    return registry in entries or any(address in network for network in networks)


def _docker(look: dict[str, Any]) -> Docker | Trouble:
    info = look["docker"]
    if info["problem"]:
        return Trouble(kind=info["problem"], words=info.get("words", ""))
    return Docker(
        version=info["version"],
        system=info["system"],
        architecture=info["architecture"],
        name=info["name"],
        free=look["docker_free"],
        state=info["state"],
        node=info["node"],
        control=info["control"],
        cluster=info["cluster"],
        nodes=tuple(look["nodes"]),
        overlays=tuple((name, IPv4Network(subnet)) for name, subnet in look["overlays"]),
        live_restore=info["live_restore"],
        selinux=info["selinux"],
        insecure=tuple(info["insecure"]),
        insecure_networks=tuple(info["insecure_networks"]),
        registry_flags=tuple(info["registry_flags"]),
    )


def _share(share: dict[str, Any]) -> Share | Trouble:
    if share["problem"]:
        return Trouble(kind=share["problem"], words=share.get("words", ""))
    return Share(
        free=share["free"],
        owners=share["owners"],
        gives_away=share["gives_away"],
        swarm=share["swarm"],
        filesystem=share["mount"]["kind"],
        options=tuple(share["mount"]["options"]),
        locked=tuple(share["locked"]),
        links=share["links"],
        boolean=share["boolean"],
    )
