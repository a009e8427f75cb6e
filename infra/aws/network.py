"""Where the nodes are: the VPC and subnets that exist already, looked up and found fit for them.

What a look-up does not answer is not checked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

import pulumi_aws as aws

from infra.aws.settings import AwsSettings
from infra.values import ConfigurationError

RESERVED_ADDRESSES = 5  # of each subnet, by AWS
SPARE_ADDRESSES = 2  # for the nodes that are there twice while workers are replaced
GIVEN = (
    "pulumi config set vpc_id vpc-0123456789abcdef0 && pulumi config set subnet_ids '[\"subnet-0a1b2c3d\"]'"
)


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """``public`` where instances get addresses that the internet reaches; what is not known is empty."""

    id: str
    vpc_id: str
    zone: str
    block: IPv4Network | None
    public: bool


@dataclass(frozen=True, kw_only=True)
class Network:
    """The manager is in the first subnet. ``given`` where the operator named the subnets.

    ``blocks`` are the VPC's addresses.
    """

    vpc_id: str
    blocks: tuple[IPv4Network, ...]
    subnets: tuple[Subnet, ...]
    given: bool

    def one_per_zone(self) -> tuple[Subnet, ...]:
        """The first subnet of each zone: EFS takes one mount target there, for all of the zone's subnets."""
        return tuple({subnet.zone or subnet.id: subnet for subnet in reversed(self.subnets)}.values())[::-1]

    def within(self, zones: Collection[str], because: str) -> Network:
        """Only the subnets in these zones; ``because`` says what is only there.

        Raises ConfigurationError where the operator named others, or none is left.
        """
        outside = [subnet for subnet in self.subnets if zones and subnet.zone and subnet.zone not in zones]
        inside = tuple(subnet for subnet in self.subnets if subnet not in outside)
        if outside and (self.given or not inside):
            where = ", ".join(f"{subnet.id} in {subnet.zone}" for subnet in outside)
            identifiers = json.dumps([subnet.id for subnet in inside])
            raise ConfigurationError(
                "subnet_ids",
                [subnet.id for subnet in self.subnets] if self.given else [],
                f"{where}: {because} only in {', '.join(sorted(zones))}.",
                f"pulumi config set subnet_ids '{identifiers}'" if inside else GIVEN,
            )
        return replace(self, subnets=inside)

    def taken(self, chosen: AwsSettings) -> dict[IPv4Network, str]:
        """What the swarm's own networks must not meet, and what each is.

        The way to an administrator must not end in a bridge of the manager's docker either.
        """
        admins = [network for network in chosen.admin_cidrs if isinstance(network, IPv4Network)]
        found = dict.fromkeys(admins, "of admin_cidrs")
        found |= {subnet.block: f"the subnet {subnet.id}" for subnet in self.subnets if subnet.block}
        return found | {block: f"of the VPC {self.vpc_id}" for block in self.blocks}

    def check_room(self, nodes: int) -> None:
        """Raises ConfigurationError where so many nodes do not fit."""
        blocks = [subnet.block for subnet in self.subnets if subnet.block]
        if len(blocks) < len(self.subnets):
            return
        addresses = sum(max(0, block.num_addresses - RESERVED_ADDRESSES) for block in blocks)
        addresses -= len(self.one_per_zone())
        if addresses < nodes + SPARE_ADDRESSES:
            raise ConfigurationError(
                "subnet_ids",
                [subnet.id for subnet in self.subnets] if self.given else [],
                f"{', '.join(map(str, blocks))} leave {max(0, addresses)} addresses, {nodes} nodes need "
                f"{nodes + SPARE_ADDRESSES}: name larger subnets, or have fewer worker_nodes.",
                GIVEN,
            )


def look_up(chosen: AwsSettings) -> Network:
    """Ask AWS for the VPC and its subnets. Raises ConfigurationError."""
    return _look_up_given(chosen) if chosen.vpc_id else _look_up_default(chosen)


def default(vpc_id: str, subnets: Sequence[Subnet], blocks: tuple[IPv4Network, ...]) -> Network:
    """The default VPC with its default subnets. Raises ConfigurationError if it has none."""
    if not subnets:
        raise ConfigurationError("vpc_id", "", f"the default VPC {vpc_id} has no default subnet.", GIVEN)
    # AWS gives them in any order; of new managers all are to be in the same one.
    in_order = tuple(sorted(subnets, key=lambda each: each.id))
    return Network(vpc_id=vpc_id, blocks=blocks, subnets=in_order, given=False)


def given(chosen: AwsSettings, subnets: Iterable[Subnet], blocks: tuple[IPv4Network, ...]) -> Network:
    """The subnets that the operator named. Raises ConfigurationError if one is in another VPC."""
    found = tuple(subnets)
    for subnet in found:
        if subnet.vpc_id and subnet.vpc_id != chosen.vpc_id:
            raise ConfigurationError(
                "vpc_id",
                chosen.vpc_id,
                f"{subnet.id} is in {subnet.vpc_id}: name that VPC, or other subnet_ids.",
                f"pulumi config set vpc_id {subnet.vpc_id}",
            )
    return Network(vpc_id=chosen.vpc_id, blocks=blocks, subnets=found, given=True)


def no_default_vpc(chosen: AwsSettings, why: str) -> ConfigurationError:
    return ConfigurationError("vpc_id", "", f"{chosen.region} has no default VPC ({why}).", GIVEN)


def unusable(chosen: AwsSettings, subnet: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "subnet_ids",
        list(chosen.subnet_ids),
        f"{subnet} cannot be used ({why}): name subnets of {chosen.vpc_id}.",
        "pulumi config set subnet_ids '[\"subnet-0a1b2c3d\"]'",
    )


def _look_up_default(chosen: AwsSettings) -> Network:
    try:
        vpc = aws.ec2.get_vpc(default=True)
    except Exception as problem:
        raise no_default_vpc(chosen, reason(problem)) from None
    found = aws.ec2.get_subnets(
        filters=[
            aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc.id or ""]),
            aws.ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
        ]
    )
    identifiers = [""] if found.ids is None else found.ids
    return default(vpc.id or "", [_subnet(identifier) for identifier in identifiers], _blocks(vpc))


def _look_up_given(chosen: AwsSettings) -> Network:
    subnets = []
    for identifier in chosen.subnet_ids:
        try:
            subnets.append(_subnet(identifier))
        except Exception as problem:
            raise unusable(chosen, identifier, reason(problem)) from None
    return given(chosen, subnets, _blocks(aws.ec2.get_vpc(id=chosen.vpc_id)))


def _blocks(vpc: aws.ec2.GetVpcResult) -> tuple[IPv4Network, ...]:
    more = [association.cidr_block for association in vpc.cidr_block_associations or ()]
    return tuple(IPv4Network(block) for block in dict.fromkeys([vpc.cidr_block, *more]) if block)


def _subnet(identifier: str) -> Subnet:
    found = aws.ec2.get_subnet(id=identifier)
    return Subnet(
        id=identifier,
        vpc_id=found.vpc_id or "",
        zone=found.availability_zone or "",
        block=IPv4Network(found.cidr_block) if found.cidr_block else None,
        public=found.map_public_ip_on_launch is not False,
    )


def reason(problem: Exception) -> str:
    """The last line of what the engine says about a failed look-up."""
    return str(problem).strip().splitlines()[-1].strip()
