"""The overlay network that all services are in, and what to say where an older one is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_docker as docker

from infra.settings import Settings
from infra.swarm import USUAL_MTU, Swarm
from runtime import names

MTU = "com.docker.network.driver.mtu"  # of a packet between nodes; docker takes off what its own headers need
OTHERS = 16  # addresses: the other services, the manager, the gateway
REMEDY = "Docker cannot change a network: pulumi destroy, then pulumi up."


def overlay(settings: Settings, swarm: Swarm, opts: pulumi.ResourceOptions) -> docker.Network:
    """Declare the network. One that exists stays as it is, since all services would go with it."""
    subnet = swarm.addresses.overlay if swarm.addresses else None
    kept = pulumi.ResourceOptions(ignore_changes=["ipamConfigs", "options"])
    network = docker.Network(
        names.NETWORK,
        name=names.NETWORK,
        driver="overlay",
        attachable=True,
        ipam_configs=[docker.NetworkIpamConfigArgs(subnet=str(subnet), gateway=str(subnet[1]))]
        if subnet
        else None,
        options={MTU: str(swarm.mtu)} if swarm.mtu < USUAL_MTU else None,
        opts=pulumi.ResourceOptions.merge(opts, kept),
    )

    def tell(found: Sequence[Any]) -> None:
        configs, options = found
        for config in configs or ():
            for fault in faults(IPv4Network(config["subnet"]), options or {}, settings, swarm):
                pulumi.log.warn(f"the network {names.NETWORK} {fault} {REMEDY}")

    pulumi.Output.all(network.ipam_configs, network.options).apply(tell)
    return network


def faults(
    subnet: IPv4Network, options: Mapping[str, str], settings: Settings, swarm: Swarm
) -> Iterator[str]:
    """What is wrong with a network that has these addresses and options."""
    pool = settings.overlay_pool
    if pool and not subnet.subnet_of(pool):
        yield f"has {subnet}, which is not in overlay_pool {pool}."
    # An update may have twice the tasks for a while, and each node has an address of its own there.
    needed = 2 * settings.wm_replicas + swarm.workers + OTHERS
    if needed > subnet.num_addresses:
        yield (
            f"has {subnet}, {subnet.num_addresses} addresses; {settings.wm_replicas} Workflow Managers may "
            f"need {needed}."
        )
    if swarm.mtu < int(options.get(MTU, USUAL_MTU)):
        yield f"sends packets of up to {options.get(MTU, USUAL_MTU)} bytes, but nodes take {swarm.mtu}."
