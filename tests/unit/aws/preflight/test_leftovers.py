"""What a stack left in the account, and the lines that remove it."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from unittest import mock

import boto3
import pytest
from moto.core import enable_iam_authentication
from moto.iam.access_control import IAMRequestBase

from infra.aws.access import Access
from infra.aws.preflight import leftovers
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.leftovers import Leftover
from infra.aws.preflight.policy import document
from tests.unit.aws.preflight.accounts import REGION, SESSION, Account
from tests.unit.aws.test_aws_settings import aws_settings

OWN = [{"Key": "Project", "Value": "oodt"}, {"Key": "Stack", "Value": "test"}]
OTHER = [OWN[0], {"Key": "Stack", "Value": "another"}]
IMAGE = "ami-12c6146b"


def found(session: boto3.Session = SESSION) -> list[Leftover]:
    with mock.patch.object(boto3, "Session", lambda **_: session):
        return leftovers.find(Access(), region=REGION, project="oodt", stack="test")


def named() -> list[str]:
    return [f"{each.kind} {each.identifier}" for each in found()]


def tagged(kind: str, tags: list[dict[str, str]] = OWN) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags}]


@pytest.fixture
def expected(account: Account) -> list[str]:
    """The ids of the stack's things in an account that has others' too."""
    ec2, efs, iam, group = (account.client(name) for name in ("ec2", "efs", "iam", "autoscaling"))
    zone, subnet = f"{REGION}a", account.subnets()[f"{REGION}a"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    key = ec2.create_key_pair(KeyName="own")["KeyPairId"]
    template = ec2.create_launch_template(LaunchTemplateName="own", LaunchTemplateData={"ImageId": IMAGE})
    template_id = template["LaunchTemplate"]["LaunchTemplateId"]
    instance = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    gone = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.create_volume(AvailabilityZone=zone, Size=1)  # somebody else's
    things = [volume, snapshot, address, interface, key, template_id, instance, gone]
    ec2.create_tags(Resources=things, Tags=OWN)
    ec2.terminate_instances(InstanceIds=[gone])
    group.create_auto_scaling_group(
        AutoScalingGroupName="oodt-test-workers",
        LaunchTemplate={"LaunchTemplateId": template_id},
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=subnet,
        Tags=[{**tag, "PropagateAtLaunch": True} for tag in OWN],
    )
    system = efs.create_file_system(CreationToken="own", Tags=OWN)["FileSystemId"]
    efs.create_file_system(CreationToken="other", Tags=OTHER)
    target = efs.create_mount_target(FileSystemId=system, SubnetId=subnet)["MountTargetId"]
    point = efs.create_access_point(FileSystemId=system, ClientToken="own")["AccessPointId"]
    account.client("ssm").put_parameter(Name="/oodt/test/swarm", Value="x", Type="String")
    iam.create_role(RoleName="worker-1", Description="oodt-test: worker", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="worker-1", PolicyName="session", PolicyDocument=json.dumps(ALLOW))
    iam.create_role(RoleName="other", Description="oodt-test-2: worker", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="worker-2")
    iam.add_role_to_instance_profile(InstanceProfileName="worker-2", RoleName="worker-1")
    return [
        *("oodt-test-workers", instance, volume, snapshot, interface, address, key, template_id),
        *(target, point, system, "/oodt/test/swarm", "worker-2", "worker-1"),
    ]


ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def test_leftovers_are_what_has_the_stacks_tags_and_no_instance_that_is_terminated(account: Account) -> None:
    ec2 = account.client("ec2")
    assert named() == []
    ids = [
        ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=tagged("volume", tags))[
            "VolumeId"
        ]
        for tags in (OWN, OTHER)
    ]
    (instance,) = ec2.run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, TagSpecifications=tagged("instance")
    )["Instances"]
    assert named() == [f"instance {instance['InstanceId']}", f"volume {ids[0]}"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert named() == [f"volume {ids[0]}"]


def test_leftovers_are_found_with_lines_that_the_aws_command_understands(expected: list[str]) -> None:
    listed = found()
    assert [each.identifier for each in listed] == expected
    for leftover in listed:
        for line in leftover.line.split(" && "):
            understood(line)
        assert leftover.identifier in leftover.line
        assert f"--region {REGION}" in leftover.line or leftover.line.startswith("aws iam ")


def understood(line: str) -> None:
    """That the service has this operation, and the operation these parameters."""
    word, service, operation, *options = shlex.split(line)
    assert word == "aws"
    client: Any = SESSION.client(service)  # type: ignore[call-overload]
    name = client.meta.method_to_api_mapping[operation.replace("-", "_")]
    known = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", member).lower()
        for member in client.meta.service_model.operation_model(name).input_shape.members
    }
    given = {option.removeprefix("--") for option in options if option.startswith("--")}
    assert given - {"region", "force-delete"} <= known, line


def test_snapshots_that_others_share_with_everybody_are_not_gone_through(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto knows no owners."""
    asked: dict[str, dict[str, Any]] = {}
    ask = Calls.ask

    def note(calls: Calls, service: str, action: str, *missing: Any, **given: Any) -> Any:
        asked[action] = given
        return ask(calls, service, action, *missing, **given)

    monkeypatch.setattr(Calls, "ask", note)
    assert named() == []
    assert asked["describe_snapshots"]["OwnerIds"] == ["self"]


def test_security_groups_come_after_the_mount_targets_and_before_those_that_their_rules_name(
    account: Account,
) -> None:
    ec2, efs = account.client("ec2"), account.client("efs")
    nodes, share = (
        ec2.create_security_group(
            GroupName=name,
            Description=name,
            VpcId=account.default_vpc,
            TagSpecifications=tagged("security-group"),
        )["GroupId"]
        for name in ("nodes", "share")
    )
    for group in (nodes, share):
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": nodes}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    system = efs.create_file_system(CreationToken="own", Tags=OWN)["FileSystemId"]
    target = efs.create_mount_target(
        FileSystemId=system, SubnetId=account.subnets()[f"{REGION}a"], SecurityGroups=[share]
    )["MountTargetId"]
    assert [each.identifier for each in found()] == [target, system, share, nodes]


def test_the_access_point_in_a_file_system_that_was_given_is_the_stacks_the_file_system_is_not(
    account: Account, share: str
) -> None:
    efs = account.client("efs")
    efs.create_access_point(FileSystemId=share, ClientToken="other", Tags=OTHER)
    point = efs.create_access_point(FileSystemId=share, ClientToken="own", Tags=OWN)["AccessPointId"]
    assert named() == [f"access-point {point}"]


def test_the_search_needs_nothing_that_the_policy_does_not_allow(
    account: Account, expected: list[str]
) -> None:
    """moto judges actions; of resources and conditions it knows too little, so they are left out."""
    policy = document(aws_settings(account.folder))
    bare = [{"Effect": "Allow", "Action": each["Action"], "Resource": "*"} for each in policy["Statement"]]
    iam = account.client("iam")
    iam.create_user(UserName="deployer")
    iam.put_user_policy(
        UserName="deployer", PolicyName="own", PolicyDocument=json.dumps({**policy, "Statement": bare})
    )
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    # moto reckons the signatures of EFS's calls wrong.
    unsigned = mock.patch.object(IAMRequestBase, "check_signature", lambda _: None)
    with unsigned, enable_iam_authentication():
        listed = found(session)
    assert [each.identifier for each in listed] == expected
