"""Prices of one region: those of AWS's price list, else of a table that says where and when it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infra.aws.cost import price_list
from infra.aws.cost.price_list import NotAnswered
from infra.aws.settings import AwsSettings

Item = Literal[
    "instance",  # an hour
    "credit",  # an hour of one vCPU of a burstable type, above its baseline
    "disk",  # a GiB of gp3 and a month
    "snapshot",  # a GiB and a month
    "address",  # an hour of a public IPv4 address
    "stored",  # a GiB on EFS and a month
    "seldom",  # the same of files that nobody reads, in EFS's class Infrequent Access
    "read",  # a GiB from EFS in elastic throughput
    "written",  # a GiB to EFS likewise
    "nat",  # an hour of a NAT gateway
    "nat_data",  # a GiB through it
    "zones",  # a GiB from one zone to another; each way counts
]
TABLE_REGION = "us-east-1"
# The day on which AWS's price list was read for github.com/aws/karpenter-provider-aws
# (pkg/providers/pricing/zz_generated.pricing_aws.go). Linux, on demand.
INSTANCES_OF = "2026-01-19"
INSTANCES = {
    "c6i.xlarge": 0.17,
    "c6i.2xlarge": 0.34,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
    "m6i.large": 0.096,
    "m6i.xlarge": 0.192,
    "m6i.2xlarge": 0.384,
    "m6i.4xlarge": 0.768,
    "m6i.8xlarge": 1.536,
    "m7g.large": 0.0816,
    "m7g.xlarge": 0.1632,
    "m7g.2xlarge": 0.3264,
    "m7g.4xlarge": 0.6528,
    "m7g.8xlarge": 1.3056,
    "m7i.xlarge": 0.2016,
    "m7i.2xlarge": 0.4032,
    "r6i.xlarge": 0.252,
    "r6i.2xlarge": 0.504,
    "t2.large": 0.0928,
    "t2.xlarge": 0.1856,
    "t2.2xlarge": 0.3712,
    "t3.large": 0.0832,
    "t3.xlarge": 0.1664,
    "t3.2xlarge": 0.3328,
    "t4g.large": 0.0672,
    "t4g.xlarge": 0.1344,
    "t4g.2xlarge": 0.2688,
}


@dataclass(frozen=True)
class Figure:
    usd: float
    date: str
    source: str


EFS_THROUGHPUT = "www.factualminds.com/blog/amazon-efs-pricing-throughput-modes-storage-classes"
# What was not found with a date has no figure here: volumes and snapshots.
TABLE: dict[Item, Figure] = {
    "address": Figure(0.005, "2026-02-24", "cloudburn.io/blog/aws-nat-gateway-pricing"),
    "nat": Figure(0.045, "2026-02-24", "cloudburn.io/blog/aws-nat-gateway-pricing"),
    "nat_data": Figure(0.045, "2026-02-24", "cloudburn.io/blog/aws-nat-gateway-pricing"),
    "stored": Figure(0.30, "2026-03-03", "cloudburn.io/blog/amazon-efs-pricing"),
    "zones": Figure(0.01, "2026-05", "www.usage.ai/blogs/aws-network-costs"),
    "read": Figure(0.03, "2026-06", EFS_THROUGHPUT),
    "written": Figure(0.06, "2026-06", EFS_THROUGHPUT),
}


@dataclass(frozen=True, kw_only=True)
class Prices:
    """``usd`` has only what is known; ``source`` says from where, or why nothing is known."""

    region: str
    usd: Mapping[Item, float]
    source: str


def look_up(chosen: AwsSettings) -> Prices:
    """Ask AWS; where it does not answer, the table stands in. Takes seconds, whatever happens."""
    try:
        found = price_list.ask(chosen)
    except NotAnswered as problem:
        return of_table(chosen, str(problem))
    # The traffic between zones has no product of its own there.
    usd: dict[Item, float] = {item: price for item, price in found.usd.items()}
    if chosen.region == TABLE_REGION:
        for item in ("zones", "address"):
            usd.setdefault(item, TABLE[item].usd)
    return Prices(region=chosen.region, usd=usd, source=f"AWS's price list, asked on {found.date}")


def of_table(chosen: AwsSettings, why: str) -> Prices:
    """The table's prices if it is about this region; ``why`` AWS was not asked or did not answer."""
    if chosen.region != TABLE_REGION:
        return Prices(
            region=chosen.region,
            usd={},
            source=f"{why}; without it only prices of {TABLE_REGION} are known",
        )
    usd: dict[Item, float] = {item: figure.usd for item, figure in TABLE.items()}
    if chosen.instance_type in INSTANCES:
        usd["instance"] = INSTANCES[chosen.instance_type]
    newest = max(figure.date for figure in TABLE.values())
    return Prices(
        region=chosen.region,
        usd=usd,
        source=f"{why}; the project's own table of {TABLE_REGION}, read from {INSTANCES_OF} to {newest}",
    )
