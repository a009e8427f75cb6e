"""The policy of a deployer: enough for what is asked, on no more than the stack's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto.core import enable_iam_authentication
from moto.iam.access_control import IAMRequestBase

from infra.aws.preflight.policy import actions, document
from tests.unit.aws.preflight.accounts import ALLOW, REGION, Account, said
from tests.unit.aws.test_aws_settings import aws_settings

LARGEST = 6144  # characters of a managed policy, without white space
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


def statements(folder: Path, **changes: str) -> dict[str, dict[str, Any]]:
    """By name."""
    return {each["Sid"]: each for each in document(aws_settings(folder, **changes))["Statement"]}


def test_the_preflight_needs_nothing_that_the_policy_does_not_allow(account: Account, share: str) -> None:
    """moto judges actions; of resources and conditions it knows too little, so they are left out."""
    policy = document(aws_settings(account.folder, permissions_boundary=BOUNDARY))
    bare = [{"Effect": "Allow", "Action": each["Action"], "Resource": "*"} for each in policy["Statement"]]
    iam = account.client("iam")
    for name, document_of in (("boundary", ALLOW), ("deployer", {**policy, "Statement": bare})):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document_of))
    iam.create_user(UserName="deployer")
    iam.attach_user_policy(UserName="deployer", PolicyArn=BOUNDARY.replace("boundary", "deployer"))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    # moto reckons the signatures of EFS's calls wrong.
    unsigned = mock.patch.object(IAMRequestBase, "check_signature", lambda _: None)
    with unsigned, enable_iam_authentication():
        found = account.findings(session=session, efs_id=share, permissions_boundary=BOUNDARY)
    assert said(found) == ""


def test_the_gates_need_nothing_that_the_policy_does_not_allow(tmp_path: Path) -> None:
    gates = {
        "ssm:GetParameter",
        "ssm:DeleteParameter",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:DescribeScalingActivities",
        "ec2:GetConsoleOutput",
    }
    assert gates <= actions(document(aws_settings(tmp_path)))


def test_no_action_has_a_wildcard(tmp_path: Path) -> None:
    assert not any("*" in action for action in actions(document(aws_settings(tmp_path))))


def test_what_ends_things_is_bound_to_the_stacks_tags(tmp_path: Path) -> None:
    own = {"aws:ResourceTag/Project": "oodt", "aws:ResourceTag/Stack": "test"}
    found = statements(tmp_path)
    assert found["End"]["Condition"] == {"StringEquals": own}
    ending = {"ec2:TerminateInstances", "ec2:DeleteVolume", "elasticfilesystem:DeleteFileSystem"}
    changing = {"ec2:AttachVolume", "ec2:CreateLaunchTemplateVersion", "ec2:ModifyInstanceAttribute"}
    assert ending | changing <= set(found["End"]["Action"])
    assert set(found["End"]["Action"]).isdisjoint(found["Make"]["Action"])
    assert "autoscaling:CancelInstanceRefresh" in found["Workers"]["Action"]
    assert found["Workers"]["Resource"].endswith(":autoScalingGroupName/oodt-test-workers")
    assert found["JoinRecord"]["Resource"] == "arn:aws:ssm:us-west-2:*:parameter/oodt/test/swarm"


def test_roles_are_made_with_the_boundary_only(tmp_path: Path) -> None:
    assert "Condition" not in statements(tmp_path)["BoundedRoles"]
    bounded = statements(tmp_path, permissions_boundary=BOUNDARY)
    assert bounded["BoundedRoles"]["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    assert "iam:CreateRole" in bounded["BoundedRoles"]["Action"]
    assert bounded["Boundary"]["Resource"] == BOUNDARY


def test_a_boundary_is_taken_from_roles_only_where_none_is_demanded(tmp_path: Path) -> None:
    right = "iam:DeleteRolePermissionsBoundary"
    assert statements(tmp_path)["Unbound"]["Action"] == [right]
    assert right not in actions(document(aws_settings(tmp_path, permissions_boundary=BOUNDARY)))


def test_a_session_looks_up_its_own_role_whatever_its_name(tmp_path: Path) -> None:
    found = statements(tmp_path)["LookAtRights"]
    assert "iam:GetRole" in found["Action"]
    assert found["Resource"] == "*"


def test_only_node_roles_are_passed_and_only_to_instances(tmp_path: Path) -> None:
    found = statements(tmp_path)["Pass"]
    assert found["Resource"] == ["arn:aws:iam::*:role/manager-*", "arn:aws:iam::*:role/worker-*"]
    assert found["Condition"] == {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}}
    chinese = statements(tmp_path, region="cn-north-1")["Pass"]
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    assert chinese["Condition"] == {"StringEquals": {"iam:PassedToService": services}}
    assert chinese["Resource"][0].startswith("arn:aws-cn:iam::")


def test_the_policy_fits_into_a_managed_one(tmp_path: Path) -> None:
    whole = document(aws_settings(tmp_path, permissions_boundary=BOUNDARY, worker_spot="true"))
    assert len(json.dumps(whole, separators=(",", ":"))) < LARGEST
