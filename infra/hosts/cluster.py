"""The swarm on hosts: the check of all hosts, then the manager, then the workers."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import cast

import pulumi

from infra import ssh
from infra.addresses import Addresses, choose
from infra.hosts import layout
from infra.hosts.checks import has_own_swarm
from infra.hosts.facts import Docker, Facts
from infra.hosts.inspection import HostsError, inspect
from infra.hosts.membership import HostManager, HostWorker
from infra.readiness import WorkerReady
from infra.settings import Settings
from infra.ssh import Identity
from infra.swarm import Swarm
from infra.values import ConfigurationError
from runtime import names


def create(settings: Settings) -> Swarm:
    """Ask all hosts, then declare their parts.

    Raises pulumi.RunError with all that is to be mended on hosts before anything is declared.
    """
    assert settings.hosts
    identity = Identity(folder="")  # the operator's own: the hosts know him already
    try:
        folders = [folder.name for folder in settings.folders]
        ports = layout.service_ports(prometheus=settings.prometheus)
        facts = inspect(settings.hosts, identity, folders, ports)
        addresses = _addresses(settings, facts)
    except (HostsError, ConfigurationError) as problem:
        raise pulumi.RunError(str(problem)) from None
    return HostsNodes(settings, facts, identity, addresses).swarm


def _addresses(settings: Settings, facts: Mapping[str, Facts]) -> Addresses | None:
    """None if the swarm has its networks already: whatever routes have come since, they stay."""
    assert settings.hosts
    manager = facts[settings.hosts.manager]
    if has_own_swarm(manager) and names.NETWORK in dict(_docker(manager).overlays):
        return None
    return choose(settings.overlay_pool, _taken(facts))


def _taken(facts: Mapping[str, Facts]) -> dict[IPv4Network, str]:
    """The networks that hosts are in or have routes to; a host's docker has its bridges among them."""
    return {
        network: f"which {host} is in or has a route to" for host in facts for network in facts[host].networks
    }


class HostsNodes(pulumi.ComponentResource):
    """A swarm of hosts that have passed the check."""

    swarm: Swarm

    def __init__(
        self, settings: Settings, facts: Mapping[str, Facts], identity: Identity, addresses: Addresses | None
    ) -> None:
        super().__init__("oodt:hosts:Nodes", "nodes")
        assert settings.hosts
        chosen = settings.hosts
        own = facts[chosen.manager]
        manager = HostManager(
            "manager",
            chosen,
            identity=identity,
            address=own.address,
            found=_docker(own).cluster,
            pool=str(addresses.swarm) if addresses else "",
            workers=chosen.workers,
            job_folders=[folder.name for folder in settings.folders],
            opts=pulumi.ResourceOptions(parent=self),
        )
        # On destroy the manager has its workers leave. A worker is drained only if it is taken off the list.
        with_manager = pulumi.ResourceOptions(parent=self, deleted_with=manager)
        members = []
        for host in chosen.workers:
            name, docker = host.rpartition("@")[2].replace(":", "-"), _docker(facts[host])
            worker = HostWorker(
                name,
                host=host,
                address=facts[host].address,
                found=docker.node,
                share=chosen.shared_path,
                identity=identity,
                manager=manager,
                opts=with_manager,
            )
            members.append(
                WorkerReady(
                    f"{name}-ready",
                    hostname=docker.name,
                    identity=identity,
                    docker_host=manager.docker_host,
                    generation=worker.node,
                    opts=with_manager,
                )
            )
        self.swarm = Swarm(
            docker_host=manager.docker_host,
            identity=identity,
            manager_address=own.address,
            operator_address=ssh.host_name(identity, chosen.manager) or own.address,
            share=chosen.shared_path,
            platform=_docker(own).platform,
            workers=len(chosen.workers),
            manager=manager,
            members=tuple(members),
            addresses=addresses,
            mtu=min(each.mtu for each in facts.values()),
        )
        self.register_outputs({})


def _docker(facts: Facts) -> Docker:
    """The docker of a host that has passed the check, which one without docker does not."""
    return cast(Docker, facts.docker)
