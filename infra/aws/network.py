"""Where the nodes are: the VPC and subnets that exist already, looked up and found large enough."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi_aws as aws

from infra.aws.settings import AwsSettings
from infra.values import ConfigurationError

RESERVED_ADDRESSES = 5  # of each subnet, by AWS
SPARE_ADDRESSES = 2  # for the nodes that are there twice while workers are replaced


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """``public`` where instances get addresses that the internet reaches."""

    id: str
    zone: str
    block: IPv4Network
    public: bool


@dataclass(frozen=True, kw_only=True)
class Network:
    """The manager is in the first subnet."""

    vpc_id: str
    subnets: tuple[Subnet, ...]

    def one_per_zone(self) -> tuple[Subnet, ...]:
        """The first subnet of each zone: EFS takes one mount target there, for all of the zone's subnets."""
        return tuple({subnet.zone: subnet for subnet in reversed(self.subnets)}.values())[::-1]


def look_up(chosen: AwsSettings, nodes: int) -> Network:
    """Ask AWS for the VPC and its subnets, and check that ``nodes`` nodes fit.

    Raises ConfigurationError.
    """
    network = _given(chosen) if chosen.vpc_id else _default(chosen)
    addresses = sum(
        max(0, subnet.block.num_addresses - RESERVED_ADDRESSES) for subnet in network.subnets
    ) - len(network.one_per_zone())
    if addresses < nodes + SPARE_ADDRESSES:
        blocks = ", ".join(str(subnet.block) for subnet in network.subnets)
        raise ConfigurationError(
            "subnet_ids",
            list(chosen.subnet_ids),
            f"{blocks} leave {max(0, addresses)} addresses, {nodes} nodes need {nodes + SPARE_ADDRESSES}.",
            "pulumi config set subnet_ids '[\"LARGER-SUBNET\", ...]', or fewer worker_nodes",
        )
    return network


def _default(chosen: AwsSettings) -> Network:
    fix = "pulumi config set vpc_id VPC, and subnet_ids"
    try:
        vpc = aws.ec2.get_vpc(default=True)
    except Exception as problem:
        raise ConfigurationError(
            "vpc_id", "", f"{chosen.region} has no default VPC ({_reason(problem)}).", fix
        ) from None
    found = aws.ec2.get_subnets(
        filters=[
            aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc.id]),
            aws.ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
        ]
    )
    if not found.ids:
        raise ConfigurationError("vpc_id", "", f"the default VPC {vpc.id} has no default subnet.", fix)
    # AWS gives them in any order; the manager must stay where it is.
    return Network(vpc_id=vpc.id, subnets=tuple(_subnet(identifier)[0] for identifier in sorted(found.ids)))


def _given(chosen: AwsSettings) -> Network:
    subnets = []
    for identifier in chosen.subnet_ids:
        try:
            subnet, vpc_id = _subnet(identifier)
        except Exception as problem:
            raise ConfigurationError(
                "subnet_ids",
                list(chosen.subnet_ids),
                f"{identifier} cannot be used ({_reason(problem)}).",
                f"pulumi config set subnet_ids '[\"SUBNET\", ...]', subnets of {chosen.vpc_id}",
            ) from None
        if vpc_id != chosen.vpc_id:
            raise ConfigurationError(
                "vpc_id",
                chosen.vpc_id,
                f"{identifier} is in {vpc_id}.",
                f"pulumi config set vpc_id {vpc_id}, or other subnet_ids",
            )
        subnets.append(subnet)
    return Network(vpc_id=chosen.vpc_id, subnets=tuple(subnets))


def _subnet(identifier: str) -> tuple[Subnet, str]:
    found = aws.ec2.get_subnet(id=identifier)
    subnet = Subnet(
        id=identifier,
        zone=found.availability_zone,
        block=IPv4Network(found.cidr_block),
        public=found.map_public_ip_on_launch,
    )
    return subnet, found.vpc_id


def _reason(problem: Exception) -> str:
    """The last line of what the engine says about a failed look-up."""
    return str(problem).strip().splitlines()[-1].strip()
