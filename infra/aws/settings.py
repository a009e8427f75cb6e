"""What an operator chooses on target aws, typed and checked without asking AWS anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from infra.aws import access
from infra.aws.access import Access
from infra.values import ConfigurationError, Values

KEYS = (
    "admin_cidrs",
    "instance_type",
    "ami",
    "vpc_id",
    "subnet_ids",
    "efs_id",
    "worker_spot",
    "protect",
    "permissions_boundary",
)
ADMIN_CIDRS_EXAMPLE = '["YOUR.PUBLIC.IP.ADDRESS/32"]'
# AWS tells the address that its caller has.
ADMIN_CIDRS_FIX = 'pulumi config set admin_cidrs "[\\"$(curl -s https://checkip.amazonaws.com)/32\\"]"'
SHORTEST_PREFIX = {4: 8, 6: 16}  # by IP version: anything wider is not a place that administrators work at
# Nobody's address: what examples are written with (RFC 5737, 3849, 9637).
DOCUMENTATION = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)


@dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """The keys of this target; those left empty mean AWS's defaults, or a file system of the stack's own."""

    region: str
    access: Access
    admin_cidrs: tuple[IPv4Network | IPv6Network, ...]
    instance_type: str
    ami: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    efs_id: str
    worker_spot: bool
    protect: bool
    permissions_boundary: str


def load_aws(values: Values, config: Mapping[str, str]) -> AwsSettings:
    """Read the keys of this target; ``config`` has the AWS provider's own ones too.

    Raises ConfigurationError.
    """
    vpc_id = values.matching(
        "vpc_id", r"(vpc-[0-9a-f]+)?", "empty or the id of a VPC", "vpc-0123456789abcdef0"
    )
    subnet_ids = _subnet_ids(values)
    if vpc_id and not subnet_ids:
        raise values.error(
            "subnet_ids", f"it must name the subnets of {vpc_id} to use.", '["subnet-0a1b2c3d"]'
        )
    if subnet_ids and not vpc_id:
        raise values.error(
            "vpc_id", "it must name the VPC that the subnet_ids are in.", "vpc-0123456789abcdef0"
        )
    return AwsSettings(
        region=_region(config),
        access=access.load(config.get),
        admin_cidrs=_admin_cidrs(values),
        instance_type=values.matching(
            "instance_type", r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "the name of an instance type", "m6i.xlarge"
        ),
        ami=values.matching(
            "ami", r"(ami-[0-9a-f]+)?", "empty or the id of a machine image", "ami-0123456789abcdef0"
        ),
        vpc_id=vpc_id,
        subnet_ids=subnet_ids,
        efs_id=values.matching(
            "efs_id", r"(fs-[0-9a-f]+)?", "empty or the id of an EFS file system", "fs-0123456789abcdef0"
        ),
        worker_spot=values.choice("worker_spot", ("true", "false")) == "true",
        protect=values.choice("protect", ("true", "false")) == "true",
        permissions_boundary=values.matching(
            "permissions_boundary",
            r"(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+)?",
            "empty or the ARN of an IAM policy",
            "arn:aws:iam::123456789012:policy/boundary",
        ),
    )


def _region(config: Mapping[str, str]) -> str:
    """The region, from where the AWS provider takes it too."""
    sources = (config.get("aws:region"), os.environ.get("AWS_REGION"), os.environ.get("AWS_DEFAULT_REGION"))
    for region in sources:
        if region:
            return region
    raise ConfigurationError(
        "aws:region", None, "target aws needs a region.", "pulumi config set aws:region us-west-2"
    )


def _admin_cidrs(values: Values) -> tuple[IPv4Network | IPv6Network, ...]:
    key, example = "admin_cidrs", ADMIN_CIDRS_EXAMPLE
    networks = []
    for text in values.json_list(key, str, example):
        try:
            network = ip_network(text)
        except ValueError as problem:
            raise values.error(key, f"{text!r} is not a network ({problem}).", example) from None
        if network.prefixlen < SHORTEST_PREFIX[network.version]:
            raise values.error(key, f"{network} would let the whole internet try to log in.", example)
        if any(network.version == other.version and network.overlaps(other) for other in DOCUMENTATION):
            raise values.error(
                key,
                f"{network} is a network of examples, which nobody logs in from.",
                example,
                ADMIN_CIDRS_FIX,
            )
        networks.append(network)
    if not networks:
        raise values.error(key, "it must name at least one network that you log in from.", example)
    return tuple(dict.fromkeys(networks))


def _subnet_ids(values: Values) -> tuple[str, ...]:
    key, example = "subnet_ids", '["subnet-0a1b2c3d", "subnet-4e5f6a7b"]'
    identifiers = values.json_list(key, str, example)
    for identifier in identifiers:
        if not identifier.startswith("subnet-"):
            raise values.error(key, f"{identifier!r} is not the id of a subnet.", example)
    return tuple(dict.fromkeys(identifiers))
