"""The VPC and the subnets: names, room, and addresses of the swarm's own."""

from __future__ import annotations

from collections.abc import Iterator

from infra.addresses import choose
from infra.aws.network import GIVEN, SPARE_ADDRESSES
from infra.aws.preflight.facts import Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, looked_up, manager_exists, place
from infra.settings import Settings


def subnets(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """That they exist, in one VPC, in zones with the instance type and the given share."""
    looked_up(settings, facts)
    place(settings, facts)
    yield from ()


def names(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """EFS has a name that only the VPC's own resolver answers; the nodes mount the share by it."""
    vpc, found = facts.vpc.get(), facts.names.get()
    if vpc is None or found is None:
        return
    modify = f"aws ec2 modify-vpc-attribute --region {chosen(settings).region} --vpc-id {vpc.id}"
    for on, attribute, option in (
        (found.resolved, "enableDnsSupport", "--enable-dns-support"),
        (found.given, "enableDnsHostnames", "--enable-dns-hostnames"),
    ):
        if not on:
            yield Finding(
                severity="error",
                key="vpc_id",
                value=repr(vpc.id),
                problem=f"its attribute {attribute} is off: the name of the file system is not found, and no "
                "node mounts it.",
                fix=f'{modify} {option} "Value=true"',
            )
    # By name, by the address that it has everywhere, or by that in the VPC.
    # https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    own = {"AmazonProvidedDNS", "169.254.169.253", *(str(block[2]) for block in vpc.blocks)}
    if own.isdisjoint(found.servers):
        yield Finding(
            severity="warning",
            key="vpc_id",
            value=repr(vpc.id),
            problem=f"its DHCP options name the DNS servers {', '.join(found.servers)}; these must ask AWS's "
            "own for amazonaws.com, or no node finds the file system.",
        )


def usual_zones(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """EFS has mount targets in a region's own zones alone; docker's networks are of IPv4."""
    subnets, elsewhere = place(settings, facts).subnets, facts.elsewhere.get()
    for subnet in subnets:
        problem = ""
        if kind := elsewhere.get(subnet.id):
            problem = f"it is in {subnet.zone}, no usual zone ({kind}), where EFS has no mount targets."
        elif subnet.block is None:
            problem = "it has IPv6 addresses only; nodes reach each other by IPv4."
        if problem:
            yield Finding(severity="error", key="subnet_ids", value=subnet.id, problem=problem, fix=GIVEN)


def tenancy(settings: Settings, facts: Facts) -> Iterator[Finding]:
    vpc = facts.vpc.get()
    if vpc and vpc.dedicated:
        yield Finding(
            severity="warning",
            key="vpc_id",
            value=repr(vpc.id),
            problem="its instances get dedicated machines, for a higher price than the preview says, and a "
            "charge of its own for each hour.",
            fix=f"aws ec2 modify-vpc-tenancy --region {chosen(settings).region} --vpc-id {vpc.id} "
            "--instance-tenancy default",
        )


def room(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Free addresses for the nodes that are still to come, and for the share's mount targets."""
    found = place(settings, facts)
    free = facts.free.get()
    existing = sum(1 for instance in facts.instances.get() if instance.role)
    made = manager_exists(facts) or bool(chosen(settings).efs_id)
    targets = 0 if made else len(found.one_per_zone())
    needed = max(0, settings.worker_nodes + 1 - existing) + targets + SPARE_ADDRESSES
    available = sum(free.get(subnet.id, 0) for subnet in found.subnets)
    if available < needed:
        yield Finding(
            severity="error",
            key="subnet_ids",
            value=", ".join(subnet.id for subnet in found.subnets),
            problem=f"they have {available} free addresses, {needed} are needed: name larger subnets, or "
            "have fewer worker_nodes.",
            fix=GIVEN,
        )
    first = found.subnets[0]
    here = 1 + (0 if made else 1)
    if not manager_exists(facts) and free.get(first.id, 0) < here <= available:
        yield Finding(
            severity="error",
            key="subnet_ids",
            value=first.id,
            problem=f"the manager is in the first subnet, which has {free.get(first.id, 0)} free addresses; "
            f"{here} are needed there.",
            fix="name another subnet first",
        )


def swarm_addresses(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """That the swarm's own networks find room beside the VPC's. A swarm that is there keeps its own."""
    if not manager_exists(facts):
        choose(settings.overlay_pool, place(settings, facts).taken(chosen(settings)))
    yield from ()
