"""What an operator may set on target aws, and what is refused before anything is created."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.settings import ConfigurationError, Settings, load
from tests.unit.aws.cloud import Cloud, defaults, run_program

GIVEN = {"vpc_id": "vpc-1", "subnet_ids": '["subnet-0a", "subnet-0b"]'}


def aws_settings(folder: Path, *, region: str = "us-west-2", **changes: str) -> Settings:
    values = {**defaults(folder), "target": "aws", "admin_cidrs": '["10.9.8.7/32"]', **changes}
    config = {f"oodt:{key}": text for key, text in values.items()}
    return load(config | {"aws:region": region}, project="oodt", stack="test", root=folder)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("admin_cidrs", "[]", "at least one network"),
        ("admin_cidrs", "", "must be a text"),
        ("admin_cidrs", "10.9.8.7/32", "not JSON"),
        ("admin_cidrs", '["10.9.8.7/24"]', "not a network"),
        ("admin_cidrs", '["0.0.0.0/0"]', "the whole internet"),
        ("admin_cidrs", '["0.0.0.0/1", "128.0.0.0/1"]', "the whole internet"),
        ("admin_cidrs", '["::/0"]', "the whole internet"),
        ("admin_cidrs", "[7]", "list of texts"),
        ("admin_cidrs", '["10.0.0.0/8", "203.0.113.7/32"]', "a network of examples"),
        ("admin_cidrs", '["198.51.100.7/32"]', "a network of examples"),
        ("admin_cidrs", '["192.0.2.0/24"]', "a network of examples"),
        ("admin_cidrs", '["2001:db8:7::/48"]', "a network of examples"),
        ("instance_type", "big", "instance type"),
        ("instance_type", "", "instance type"),
        ("ami", "newest", "id of a machine image"),
        ("vpc_id", "default", "id of a VPC"),
        ("vpc_id", "vpc-0a1b", "subnets of vpc-0a1b"),
        ("subnet_ids", '["subnet-0a1b"]', "VPC that the subnet_ids are in"),
        ("subnet_ids", '["vpc-0a1b"]', "not the id of a subnet"),
        ("efs_id", "efs-1", "EFS file system"),
        ("worker_spot", "yes", "true or false"),
        ("protect", "", "true or false"),
        ("permissions_boundary", "boundary", "ARN of an IAM policy"),
    ],
)
def test_a_wrong_value_is_refused_with_the_line_to_type(
    tmp_path: Path, key: str, value: str, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        aws_settings(tmp_path, **{key: value})
    assert "fix: pulumi config set " in str(caught.value)


def test_a_missing_region_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    values = {**defaults(tmp_path), "target": "aws", "admin_cidrs": '["10.9.8.7/32"]'}
    config = {f"oodt:{key}": text for key, text in values.items()}
    with pytest.raises(ConfigurationError, match="pulumi config set aws:region us-west-2"):
        load(config, project="oodt", stack="test", root=tmp_path)


def test_ipv6_networks_of_administrators_are_let_in(tmp_path: Path) -> None:
    cloud = Cloud()
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["fd00:9:8::/48"]')
    rule = cloud.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "ssh-fd00:9:8::/48")
    assert rule["cidrIpv6"] == "fd00:9:8::/48"


@pytest.mark.parametrize(
    ("answers", "changes", "reason"),
    [
        (
            {"aws:ec2/getSubnet:getSubnet": {"cidrBlock": "10.0.0.0/29", "availabilityZone": "us-west-2a"}},
            {"worker_nodes": "10"},
            "subnet_ids is .* 11 nodes need 13",
        ),
        (
            {"aws:ec2/getInstanceType:getInstanceType": {"memorySize": 4096}},
            {"instance_type": "t2.medium"},
            "instance_type is 't2.medium': it has 4096 MiB of memory; .* needs 5120 MiB",
        ),
        ({}, {"max_workflows": "64"}, "instance_type is 'm6i.xlarge': .* needs 18432 MiB"),
        ({"aws:ec2/getSubnets:getSubnets": {"ids": []}}, {}, "vpc_id is ''"),
        (
            {"aws:ec2/getVpc:getVpc": {"id": "vpc-1", "cidrBlock": "10.200.0.0/20"}},
            {"overlay_pool": "10.200.0.0/16"},
            "overlay_pool is '10.200.0.0/16': it meets 10.200.0.0/20, of the VPC vpc-1",
        ),
        (
            {"aws:ec2/getSubnet:getSubnet": {"vpcId": "vpc-9", "cidrBlock": "10.0.0.0/24"}},
            {"vpc_id": "vpc-0a1b", "subnet_ids": '["subnet-0a1b"]'},
            "vpc_id is 'vpc-0a1b': subnet-0a1b is in vpc-9",
        ),
        (
            {"aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {"locations": ["us-west-2b"]}},
            GIVEN,
            "subnet_ids is .* subnet-0a in us-west-2a: there is m6i.xlarge only in us-west-2b",
        ),
        (
            {"aws:ec2/getNetworkInterfaces:getNetworkInterfaces": {"ids": ["eni-b"]}},
            {**GIVEN, "efs_id": "fs-0a1b"},
            "subnet_ids is .* subnet-0a in us-west-2a: fs-0a1b has a mount target only in us-west-2b",
        ),
        (
            {"aws:ec2/getNetworkInterfaces:getNetworkInterfaces": {"ids": []}},
            {"efs_id": "fs-0a1b"},
            "efs_id is 'fs-0a1b': it has no mount target in vpc-1",
        ),
        (
            {"aws:ec2/getAmi:getAmi": {"architecture": "arm64"}},
            {"ami": "ami-0a1b"},
            "ami is 'ami-0a1b': it is for arm64, m6i.xlarge is x86_64",
        ),
        (
            {
                "aws:ec2/getInstances:getInstances": {"ids": ["i-1"]},
                "aws:ec2/getInstance:getInstance": {"instanceType": "m7g.xlarge"},
            },
            {},
            "instance_type is 'm6i.xlarge': it is x86_64; the stack's nodes are arm64",
        ),
        (
            {
                "aws:ec2/getInstances:getInstances": {"ids": ["i-1"]},
                "aws:ec2/getInstance:getInstance": {
                    "instanceType": "m5.xlarge",
                    "availabilityZone": "us-west-2d",
                },
            },
            {},
            "instance_type is 'm6i.xlarge': it is not offered in us-west-2d, where the manager is",
        ),
    ],
)
def test_what_aws_says_is_checked_before_anything_is_declared(
    tmp_path: Path, answers: dict[str, dict[str, Any]], changes: dict[str, str], reason: str
) -> None:
    cloud = Cloud(answers=answers)
    with pytest.raises(pulumi.RunError, match=reason) as caught:
        run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]', **changes)
    assert cloud.declared == []
    fix = str(caught.value).partition("\n  fix: ")[2]
    for command in fix.split(" && "):
        words = shlex.split(command)
        assert words[:3] in (["pulumi", "config", "set"], ["pulumi", "config", "rm"])
        assert len(words) == (5 if words[2] == "set" else 4)
        refused = changes.get("instance_type", "m6i.xlarge")
        assert words[3:] != ["instance_type", refused], "the very value that was refused"
