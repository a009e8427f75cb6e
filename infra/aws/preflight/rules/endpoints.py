"""VPC endpoints: whoever is in the VPC asks them in place of AWS's services, and they may refuse nodes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

import boto3

from infra.aws.preflight.facts import Endpoint, Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.aws.preflight.rules.routes import table_of
from infra.aws.preflight.statements import covers, forbids, listed, may_allow
from infra.settings import Settings

# What nodes ask for, by the service's name in that of the endpoint.
ACTIONS = {
    "ssm": ("ssm:GetParameter", "ssm:PutParameter"),
    "autoscaling": ("autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"),
    "s3": ("s3:GetObject",),
}
# Where Amazon Linux 2023 gets its packages, without credentials.
# https://docs.aws.amazon.com/linux/al2023/ug/managing-repos-os-updates.html
PACKAGES = "arn:{partition}:s3:::al2023-repos-{region}-de612dc2/x"


def endpoints(settings: Settings, facts: Facts) -> Iterator[Finding]:
    found = place(settings, facts)
    blocks = [subnet.block for subnet in found.subnets if subnet.block]
    for each in facts.endpoints.get():
        if each.service not in ACTIONS:
            continue
        if each.gateway:
            own = [table_of(subnet.id, found.vpc_id, facts.route_tables.get()) for subnet in found.subnets]
            if not any(table and table.id in each.tables for table in own):
                continue
        region = chosen(settings).region
        outside = [block for block in blocks if not _lets_in(each, block)]
        if outside:
            yield _of_endpoint(
                each,
                f"its security groups let nobody of {', '.join(map(str, outside))} in on port 443.",
                f"aws ec2 authorize-security-group-ingress --region {region} --group-id {each.groups[0]} "
                f"--protocol tcp --port 443 --cidr {outside[0]}",
            )
        lacking = _refused(each, region)
        if lacking:
            yield _of_endpoint(
                each,
                f"its policy does not let them do {', '.join(lacking)}.",
                f"aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {each.id} "
                "--policy-document ...",
            )


def _of_endpoint(endpoint: Endpoint, problem: str, fix: str) -> Finding:
    return Finding(
        severity="error",
        key="vpc endpoint",
        value=endpoint.id,
        problem=f"nodes ask it for {endpoint.service}, and {problem}",
        fix=fix,
    )


def _lets_in(endpoint: Endpoint, block: IPv4Network) -> bool:
    return endpoint.lets_in is None or any(block.subnet_of(each) for each in endpoint.lets_in)


def _refused(endpoint: Endpoint, region: str) -> list[str]:
    """An endpoint without a policy refuses nothing."""
    statements = listed(endpoint.policy)
    partition = boto3.Session().get_partition_for_region(region)
    lacking = []
    for action in ACTIONS[endpoint.service] if statements else ():
        allowing = [each for each in statements if may_allow(each, action)]
        if endpoint.service == "s3":
            bucket = PACKAGES.format(partition=partition, region=region)
            allowing = [each for each in allowing if covers(each, bucket) and not each.get("Condition")]
        if not allowing or any(forbids(each, action) for each in statements):
            lacking.append(action)
    return lacking
