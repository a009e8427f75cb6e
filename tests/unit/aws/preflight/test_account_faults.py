"""Accounts with too little, with the wrong share, or that do not say: the preflight names it."""

from __future__ import annotations

import json
import shlex
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from unittest import mock

import boto3
import pytest
from moto.core import enable_iam_authentication

from infra.aws.access import Access
from infra.aws.preflight import own_address
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.facts import NotRead
from infra.aws.preflight.part_account import AccountPart
from infra.aws.preflight.rules.quotas import ADDRESSES, FILE_SYSTEMS, GP3, ON_DEMAND, SPOT
from infra.aws.preflight.rules.share import CLOSED
from tests.unit.aws.preflight.accounts import ALLOW, ENOUGH, REGION, Account, said
from tests.unit.aws.test_aws_settings import aws_settings

HANGING = 60  # seconds


def test_a_sound_account_gives_no_finding(account: Account) -> None:
    assert account.findings() == ()
    assert account.findings(worker_spot="true", instance_type="m7g.xlarge") == ()


def test_an_own_address_that_is_not_let_in_is_told(account: Account) -> None:
    (found,) = account.findings(admin_cidrs='["10.7.0.0/16"]')
    assert (found.severity, found.key) == ("error", "admin_cidrs")
    assert "10.9.8.7" in found.problem


@pytest.mark.parametrize(
    ("quota", "limit", "changes", "needed"),
    [
        (ON_DEMAND, 11, {}, "needs 12"),
        (ON_DEMAND, 3, {"worker_spot": "true"}, "needs 4"),
        (SPOT, 7, {"worker_spot": "true"}, "needs 8"),
        (ADDRESSES, 0, {}, "needs 1"),
        (FILE_SYSTEMS, 0, {}, "needs 1"),
        (GP3, 0.5, {}, "needs 0.5859"),
    ],
)
def test_a_quota_that_is_too_small_is_told_with_its_code(
    account: Account, quota: Any, limit: float, changes: dict[str, Any], needed: str
) -> None:
    (found,) = account.findings({**ENOUGH, quota.code: limit}, **changes)
    assert (found.severity, found.key, found.value) == ("error", f"quota {quota.code}", f"{limit:g}")
    assert needed in found.problem
    assert f"--service-code {quota.service} --quota-code {quota.code}" in found.fix


def test_what_others_use_of_a_quota_counts(account: Account) -> None:
    ec2 = account.client("ec2")
    ec2.allocate_address(Domain="vpc")
    ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t2.xlarge")
    found = account.findings({**ENOUGH, ADDRESSES.code: 1, ON_DEMAND.code: 12})
    assert {each.key for each in found} == {f"quota {ADDRESSES.code}", f"quota {ON_DEMAND.code}"}


def test_a_group_of_workers_that_an_earlier_stack_left_is_told(account: Account) -> None:
    account.client("ec2").create_launch_template(
        LaunchTemplateName="own", LaunchTemplateData={"ImageId": "ami-12c6146b"}
    )
    account.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="oodt-test-workers",
        LaunchTemplate={"LaunchTemplateName": "own"},
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=account.subnets()[f"{REGION}a"],
    )
    (found,) = account.findings()
    assert (found.severity, found.value) == ("warning", "oodt-test-workers")
    assert found.fix.startswith("oodt preflight aws --leftovers")


def test_quotas_that_aws_does_not_name_are_not_checked(account: Account) -> None:
    missing = {code: limit for code, limit in ENOUGH.items() if code != GP3.code}
    (found,) = account.findings(missing)
    assert (found.severity, found.key) == ("not checked", "quota on volumes")


def test_an_image_for_other_processors_is_told(account: Account) -> None:
    images = account.client("ec2").describe_images(Owners=["amazon"])["Images"]
    arm = next(image["ImageId"] for image in images if image["Architecture"] == "arm64")
    assert "it is for arm64, m6i.xlarge is x86_64" in said(account.findings(ami=arm))


def test_an_image_that_is_listed_only_to_who_asks_for_deprecated_ones_is_one_that_nodes_take(
    account: Account,
) -> None:
    images, ask = account.client("ec2").describe_images(Owners=["amazon"])["Images"], Calls.ask
    named = next(image for image in images if image["Architecture"] == "x86_64")["ImageId"]
    fit = {"RootDeviceName": "/dev/xvda", "BlockDeviceMappings": [], "Name": "al2023-ami-ecs-hvm-2023"}

    def listed(self: Calls, service: str, action: str, *arguments: Any, **given: Any) -> Any:
        answer = ask(self, service, action, *arguments, **given)
        if action == "describe_images":
            dated = [
                {**image, **fit, "DeprecationTime": "2026-01-31T00:00:00.000Z"} for image in answer["Images"]
            ]
            return {"Images": dated if given.get("IncludeDeprecated") else []}
        return answer

    with mock.patch.object(Calls, "ask", listed):
        (found,) = account.findings(ami=named)
    assert (found.severity, found.key) == ("warning", "ami")
    assert "out of date since 2026-01-31" in found.problem


def test_an_image_whose_root_disk_has_another_name_is_told(account: Account) -> None:
    images = account.client("ec2").describe_images(Owners=["amazon"])["Images"]
    other = next(image["ImageId"] for image in images if image["RootDeviceName"] == "/dev/sda1")
    assert "its root device is /dev/sda1" in said(account.findings(ami=other))


def test_types_that_are_missing_or_too_small_are_told(account: Account) -> None:
    assert "instance_type is 'z9.huge': it cannot be used" in said(account.findings(instance_type="z9.huge"))
    assert "it has 512 MiB of memory" in said(account.findings(instance_type="t2.nano"))


def test_a_boundary_that_is_missing_is_told(account: Account) -> None:
    arn = "arn:aws:iam::123456789012:policy/boundary"
    (found,) = account.findings(permissions_boundary=arn)
    assert (found.severity, found.key) == ("error", "permissions_boundary")
    account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(ALLOW))
    assert account.findings(permissions_boundary=arn) == ()


def test_all_faults_are_told_at_once(account: Account) -> None:
    found = account.findings(
        {**ENOUGH, ADDRESSES.code: 0}, admin_cidrs='["10.7.0.0/16"]', ami="ami-0123456789abcdef0"
    )
    assert {each.key for each in found} == {"admin_cidrs", "ami", f"quota {ADDRESSES.code}"}


def test_a_sound_file_system_that_is_given_gives_no_finding(account: Account, share: str) -> None:
    assert account.findings(efs_id=share) == ()


def test_file_systems_that_are_missing_or_without_mount_targets_are_told(account: Account) -> None:
    missing = account.findings(efs_id="fs-0123456789abcdef0")
    assert "efs_id is 'fs-0123456789abcdef0': there is no such file system" in said(missing)
    bare = account.client("efs").create_file_system(CreationToken="bare", Encrypted=True)["FileSystemId"]
    assert "it has no mount target in vpc-" in said(account.findings(efs_id=bare))


def test_a_mount_target_without_a_security_group_is_told(account: Account) -> None:
    efs = account.client("efs")
    system = efs.create_file_system(CreationToken="bare", Encrypted=True)["FileSystemId"]
    efs.put_file_system_policy(FileSystemId=system, Policy=json.dumps(CLOSED))
    efs.create_mount_target(FileSystemId=system, SubnetId=account.subnets()[f"{REGION}a"])
    (found,) = account.findings(efs_id=system)
    assert found.key == "efs_id"
    assert "no security group" in found.problem


def test_a_policy_of_the_file_system_that_keeps_the_nodes_out_is_told(account: Account, share: str) -> None:
    refused = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "elasticfilesystem:ClientWrite"}
    document = {"Version": "2012-10-17", "Statement": [refused]}
    account.client("efs").put_file_system_policy(FileSystemId=share, Policy=json.dumps(document))
    found = account.findings(efs_id=share)
    assert {each.key for each in found} == {"efs_id"}
    assert "refuses elasticfilesystem:ClientWrite to the nodes" in said(found)


def test_a_file_system_that_everybody_may_mount_is_told_with_the_policy_that_closes_it(
    account: Account,
) -> None:
    efs, groups = account.client("efs"), account.client("ec2").describe_security_groups()["SecurityGroups"]
    system = efs.create_file_system(CreationToken="open", Encrypted=True)["FileSystemId"]
    zone = account.subnets()[f"{REGION}a"]
    efs.create_mount_target(FileSystemId=system, SubnetId=zone, SecurityGroups=[groups[0]["GroupId"]])
    (found,) = account.findings(efs_id=system)
    assert (found.severity, found.key) == ("warning", "efs_id")
    line = shlex.split(found.fix)
    efs.put_file_system_policy(FileSystemId=system, Policy=line[line.index("--policy") + 1])
    assert account.findings(efs_id=system) == ()


def test_what_the_deployer_may_not_see_is_a_finding_and_no_error(account: Account) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="deployer")
    denied = {"Effect": "Deny", "Action": ["ec2:DescribeRouteTables", "ec2:DescribeVolumes"], "Resource": "*"}
    document = {**ALLOW, "Statement": [*ALLOW["Statement"], denied]}
    iam.put_user_policy(UserName="deployer", PolicyName="most", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    with enable_iam_authentication():
        found = account.findings(session=session)
    assert {each.severity for each in found} == {"not checked"}
    text = said(found)
    assert "not checked: quota on volumes: ec2:DescribeVolumes is denied." in text
    about = "ways to the internet, the manager's address, network ACLs of NAT gateways"
    assert f"{about}: ec2:DescribeRouteTables is denied." in text


def test_credentials_that_aws_does_not_take_are_one_error(account: Account) -> None:
    session = boto3.Session("nobody", "nothing", region_name=REGION)
    with enable_iam_authentication():
        (found,) = account.findings(session=session)
    assert (found.severity, found.key) == ("error", "credentials")
    assert found.fix.endswith("aws sts get-caller-identity --region us-west-2")


def test_a_session_that_ends_before_a_first_update_is_a_warning(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes, told in ((10.5, True), (90, False)):
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", end.isoformat())
        found = account.findings()
        assert [(each.severity, each.key) for each in found] == ([("warning", "credentials")] if told else [])
        assert not told or "ends in 10 minutes" in found[0].value


def test_an_end_that_was_left_in_the_environment_without_its_credentials_says_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert account.findings(session=boto3.Session("testing", "testing", region_name=REGION)) == ()


def test_the_end_of_a_session_in_the_environment_says_nothing_of_a_role_that_a_token_is_shown_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z")
    settings = aws_settings(account.folder)
    assert settings.aws
    told = []
    for role in ({}, {"roleArn": "arn:aws:iam::123456789012:role/deployer", "webIdentityToken": "t"}):
        given = replace(settings, aws=replace(settings.aws, access=Access(web_identity=role)))
        told.append(AccountPart(settings=given, calls=mock.Mock()).session_left() is not None)
    assert told == [True, False]


def test_a_call_that_hangs_keeps_nobody_longer_than_the_limit(account: Account) -> None:
    answered, ask = threading.Event(), Calls.ask

    def ask_in_vain(self: Calls, service: str, action: str, *arguments: Any, **named: Any) -> Any:
        if action == "describe_volumes":
            answered.wait(HANGING)
            raise NotRead("it is too late")
        return ask(self, service, action, *arguments, **named)

    begun = time.monotonic()
    with mock.patch.object(Calls, "ask", ask_in_vain):
        found = account.findings(limit=3)
    assert time.monotonic() - begun < HANGING
    answered.set()
    # What a busy machine has not read by then is told with it.
    (late,) = [each for each in found if "quota on volumes" in each.key]
    assert late.severity == "not checked"
    assert "no answer within 3 s" in late.problem


def test_an_own_address_that_aws_does_not_tell_is_not_checked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_address, "URL", "http://127.0.0.1:9")
    (found,) = account.findings(own_address=own_address.look_up)
    assert (found.severity, found.key) == ("not checked", "your own address")
    assert "http://127.0.0.1:9 does not tell it" in found.problem


def test_an_own_address_of_another_version_says_nothing_of_ipv4(account: Account) -> None:
    assert account.findings(own_address=lambda: ip_address("fd00::7")) == ()


SCALING = (
    "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
)


def key_of_disks(account: Account, **statement: Any) -> tuple[str, dict[str, Any]]:
    """A key that is the default of the account's disks, and the answer that says so."""
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    whole = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [whole, *([statement] if statement else [])]}
    made = account.client("kms").create_key(Policy=json.dumps(document))["KeyMetadata"]["Arn"]
    return str(made), {"get_ebs_default_kms_key_id": {"KmsKeyId": made}}


def test_a_key_of_disks_that_keeps_auto_scaling_out_is_told_with_the_grant(account: Account) -> None:
    key, answers = key_of_disks(account)
    account.client("kms").create_alias(AliasName="alias/disks", TargetKeyId=key.rpartition("/")[2])
    named = {"get_ebs_default_kms_key_id": {"KmsKeyId": "alias/disks"}}
    (found,) = account.findings(answers=named)
    assert (found.severity, found.key, found.value) == ("error", "key of the disks", "alias/disks")
    line = shlex.split(found.fix)
    assert line[line.index("--key-id") + 1] == key  # a grant takes no alias
    assert line[line.index("--grantee-principal") + 1] == SCALING
    operations = line[line.index("--operations") + 1 :]
    account.client("kms").create_grant(KeyId=key, GranteePrincipal=SCALING, Operations=operations)
    assert account.findings(answers=answers) == ()


@pytest.mark.parametrize("principal", [{"AWS": [SCALING]}, {"AWS": "*"}, "*"])
def test_a_key_of_disks_whose_policy_lets_auto_scaling_in_gives_no_finding(
    account: Account, principal: Any
) -> None:
    _, answers = key_of_disks(
        account, Effect="Allow", Principal=principal, Action=["kms:CreateGrant"], Resource="*"
    )
    assert account.findings(answers=answers) == ()


def test_a_key_of_disks_that_is_disabled_or_gone_is_told(account: Account) -> None:
    key, answers = key_of_disks(account, Effect="Allow", Principal="*", Action="kms:*", Resource="*")
    account.client("kms").disable_key(KeyId=key.rpartition("/")[2])
    (found,) = account.findings(answers=answers)
    assert (found.severity, found.value) == ("error", key)
    assert "it is Disabled: no node starts" in found.problem
    gone = {"get_ebs_default_kms_key_id": {"KmsKeyId": key[:-4] + "0000"}}
    assert "it is gone: no node starts" in said(account.findings(answers=gone))
