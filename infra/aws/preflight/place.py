"""What the nodes of a stack will be and where, by the facts: the rules' common ground."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from infra.aws import instance_type, network, share
from infra.aws.instance_type import InstanceType
from infra.aws.network import Network, Subnet
from infra.aws.preflight.facts import Facts, MountTarget, Vpc
from infra.aws.settings import AwsSettings
from infra.settings import Settings


def chosen(settings: Settings) -> AwsSettings:
    assert settings.aws
    return settings.aws


def kind(settings: Settings, facts: Facts) -> InstanceType:
    """The nodes' type. Raises ConfigurationError, NotRead."""
    name = chosen(settings).instance_type
    found = facts.type.get()
    if found is None:
        raise instance_type.unusable(name, "AWS knows no such type here")
    # What is not known excludes no zone.
    return instance_type.of(name, found.architectures, facts.offers.value or ())


def looked_up(settings: Settings, facts: Facts) -> Network:
    """The subnets that the settings mean. Raises ConfigurationError, NotRead."""
    aws = chosen(settings)
    return meant(aws, facts.vpc.value if aws.vpc_id else facts.vpc.get(), facts.subnets.get())


def meant(aws: AwsSettings, vpc: Vpc | None, subnets: Sequence[Subnet]) -> Network:
    """The subnets that the settings mean, of those that there are. Raises ConfigurationError."""
    if not aws.vpc_id:
        if vpc is None:
            raise network.no_default_vpc(aws, "AWS names none")
        return network.default(vpc.id, subnets, vpc.blocks)
    found = {subnet.id: subnet for subnet in subnets}
    for identifier in aws.subnet_ids:
        if identifier not in found:
            raise network.unusable(aws, identifier, "there is no such subnet in this region")
    blocks = vpc.blocks if vpc else ()
    return network.given(aws, [found[identifier] for identifier in aws.subnet_ids], blocks)


def place(settings: Settings, facts: Facts) -> Network:
    """The subnets that the nodes will be in. Raises ConfigurationError, NotRead."""
    return fit(chosen(settings), looked_up(settings, facts), facts.offers.value, facts.targets.value)


def fit(
    aws: AwsSettings,
    found: Network,
    offers: Collection[str] | None,
    targets: Sequence[MountTarget] | None,
) -> Network:
    """Those of the subnets whose zones have what nodes need. None excludes nothing.

    Raises ConfigurationError.
    """
    if offers:
        found = found.within(offers, f"there is {aws.instance_type}")
    if aws.efs_id and targets is not None:
        zones = {target.zone for target in targets if target.vpc_id == found.vpc_id}
        if not zones:
            raise share.unmountable(aws.efs_id, found.vpc_id)
        found = found.within(zones, f"{aws.efs_id} has a mount target")
    return found


def manager_exists(facts: Facts) -> bool:
    """Raises NotRead."""
    return any(instance.role == "manager" for instance in facts.instances.get())
