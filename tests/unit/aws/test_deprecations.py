"""What the program gives pulumi-aws, held against the schema of the provider that it is made of.

Names of arguments are checked by the SDK's own types, which the engine's tests cannot do: their provider is
an older one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.unit.aws.cloud import Cloud, run_program

VARIANTS: dict[str, dict[str, str]] = {
    "default": {},
    "given": {"vpc_id": "vpc-0a1b", "subnet_ids": '["subnet-0a"]', "efs_id": "fs-0a1b", "ami": "ami-0a1b"},
    "spot": {
        "worker_spot": "true",
        "protect": "false",
        "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    },
}


@contextmanager
def deprecations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What pulumi-aws says is deprecated: resources and arguments by Pulumi's log, answers by warnings."""
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: found.append(message))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    # A module of a deprecated resource says so when it is loaded, whoever loads all of them.
    used = [
        str(each.message) for each in caught if "has been deprecated in favor of" not in str(each.message)
    ]
    found[:] = [message for message in [*found, *used] if "deprecated" in message]


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_no_argument_or_answer_that_the_provider_deprecates_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    answers: dict[str, dict[str, Any]] = {
        "aws:ec2/getSubnet:getSubnet": {"vpcId": "vpc-0a1b", "availabilityZone": "us-west-2a"},
        "aws:ec2/getAmi:getAmi": {"architecture": "x86_64"},
        "aws:ec2/getInstances:getInstances": {"ids": ["i-1"]},
        "aws:ec2/getInstance:getInstance": {"instanceType": "m5.xlarge", "availabilityZone": "us-west-2a"},
    }
    with deprecations(monkeypatch) as found:
        run_program(Cloud(answers=answers), tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]', **changes)
    assert found == []


def test_deprecated_arguments_and_answers_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with deprecations(monkeypatch) as found:
        interface = aws.ec2.InstanceNetworkInterfaceArgs(device_index=0, network_interface_id="eni-1")
        aws.ec2.InstanceArgs(network_interfaces=[interface])
        result: Any = aws.GetRegionResult
        assert result(description="", endpoint="", id="", name="x", region="x").name == "x"
    assert any("primary_network_interface" in message for message in found)
    assert any("name is deprecated" in message for message in found)
