"""What the nodes of a stack will be and where, by the facts: the rules' common ground."""

from __future__ import annotations

from infra.aws import instance_type, network, share
from infra.aws.instance_type import InstanceType
from infra.aws.network import Network
from infra.aws.preflight.facts import Facts
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
    aws, subnets = chosen(settings), facts.subnets.get()
    if not aws.vpc_id:
        vpc = facts.vpc.get()
        if vpc is None:
            raise network.no_default_vpc(aws, "AWS names none")
        return network.default(vpc.id, subnets, vpc.blocks)
    found = {subnet.id: subnet for subnet in subnets}
    for identifier in aws.subnet_ids:
        if identifier not in found:
            raise network.unusable(aws, identifier, "there is no such subnet in this region")
    vpc = facts.vpc.value
    blocks = vpc.blocks if vpc else ()
    return network.given(aws, [found[identifier] for identifier in aws.subnet_ids], blocks)


def place(settings: Settings, facts: Facts) -> Network:
    """The subnets that the nodes will be in. Raises ConfigurationError, NotRead."""
    aws, found = chosen(settings), looked_up(settings, facts)
    if facts.offers.value:
        found = found.within(facts.offers.value, f"there is {aws.instance_type}")
    if aws.efs_id and facts.targets.value is not None:
        zones = {target.zone for target in facts.targets.value if target.vpc_id == found.vpc_id}
        if not zones:
            raise share.unmountable(aws.efs_id, found.vpc_id)
        found = found.within(zones, f"{aws.efs_id} has a mount target")
    return found


def manager_exists(facts: Facts) -> bool:
    """Raises NotRead."""
    return any(instance.role == "manager" for instance in facts.instances.get())
