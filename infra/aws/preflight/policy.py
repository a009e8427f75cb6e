"""The least that a deployer must be allowed: what `pulumi up`, `destroy` and the preflight ask of AWS.

tests/e2e/aws compares it with what HashiCorp's provider calls. What only AWS itself asks for, beside a call,
is said where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3

from infra.aws import machine_image
from infra.aws.preflight.place import chosen
from infra.aws.settings import AwsSettings
from infra.aws.tags import tags
from infra.aws.workers import group_name
from infra.settings import Settings

# Looking: none of these takes a narrower resource.
LOOKING = {
    "ec2": (
        "DescribeAddresses",
        "DescribeAddressesAttribute",
        "DescribeAvailabilityZones",
        "DescribeDhcpOptions",
        "DescribeImages",
        "DescribeInstanceAttribute",
        "DescribeInstanceCreditSpecifications",
        "DescribeInstanceTypeOfferings",
        "DescribeInstanceTypes",
        "DescribeInstances",
        "DescribeKeyPairs",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeNatGateways",
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeRegions",
        "DescribeRouteTables",
        "DescribeSecurityGroupRules",
        "DescribeSecurityGroups",
        "DescribeSnapshots",
        "DescribeSubnets",
        "DescribeTags",
        "DescribeVolumes",
        "DescribeVpcAttribute",
        "DescribeVpcBlockPublicAccessExclusions",
        "DescribeVpcBlockPublicAccessOptions",
        "DescribeVpcEndpoints",
        "DescribeVpcs",
        "GetEbsDefaultKmsKeyId",
    ),
    "elasticfilesystem": (
        "DescribeAccessPoints",
        "DescribeFileSystemPolicy",
        "DescribeFileSystems",
        "DescribeLifecycleConfiguration",
        "DescribeMountTargetSecurityGroups",
        "DescribeMountTargets",
    ),
    "autoscaling": (
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "DescribeScalingActivities",
    ),
    "kms": ("DescribeKey", "GetKeyPolicy", "ListGrants"),
    "servicequotas": ("GetAWSDefaultServiceQuota", "GetServiceQuota"),
}
# Making and changing, in the stack's region. What is made has no name or tag yet, and the manager's root disk
# gets its tags afterwards; rules are also added to the groups of a given file system, and mount targets have
# interfaces without tags, which EFS makes and deletes in the deployer's name.
MAKING = {
    "ec2": (
        "AllocateAddress",
        "AssociateAddress",
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "CreateLaunchTemplate",
        "CreateNetworkInterface",
        "CreateSecurityGroup",
        "CreateTags",
        "CreateVolume",
        "DeleteNetworkInterface",
        "DetachNetworkInterface",
        "DisassociateAddress",
        "ImportKeyPair",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "RunInstances",
    ),
    "elasticfilesystem": (
        "CreateAccessPoint",
        "CreateFileSystem",
        "CreateMountTarget",
        "TagResource",  # asked for with the tags of what is made
    ),
}
# Changing, stopping, deleting, who may mount, and what a console says: only of what has the stack's tags.
ENDING = {
    "ec2": (
        "AttachVolume",
        "CreateLaunchTemplateVersion",
        "DeleteKeyPair",
        "DeleteLaunchTemplate",
        "DeleteSecurityGroup",
        "DeleteVolume",
        "DetachVolume",
        "GetConsoleOutput",
        "GetInstanceUefiData",  # by the provider, before it takes another image
        "ModifyInstanceAttribute",
        "ModifyLaunchTemplate",
        "ReleaseAddress",
        "StartInstances",  # after a change of type
        "StopInstances",
        "TerminateInstances",
    ),
    "elasticfilesystem": (
        "DeleteAccessPoint",
        "DeleteFileSystem",
        "DeleteFileSystemPolicy",
        "DeleteMountTarget",
        "PutFileSystemPolicy",
        "PutLifecycleConfiguration",
    ),
}
GROUP = {
    "autoscaling": (
        "CancelInstanceRefresh",  # of one that still runs, before another one starts
        "CreateAutoScalingGroup",
        "CreateOrUpdateTags",  # asked for with the tags of the group
        "DeleteAutoScalingGroup",
        "DeleteLifecycleHook",
        "PutLifecycleHook",
        "StartInstanceRefresh",
        "UpdateAutoScalingGroup",
    )
}
# What EC2 does in the deployer's name where disks are encrypted with a key of the account's own.
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
ENCRYPTING = {
    "kms": ("CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
}
# Roles that a boundary has to be stated for, and what needs no such statement.
BOUNDED = {"iam": ("CreateRole", "DeleteRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy")}
ROLES = {
    "iam": (
        "AddRoleToInstanceProfile",
        "CreateInstanceProfile",
        "DeleteInstanceProfile",
        "DeleteRole",
        "GetInstanceProfile",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole",
        "ListRolePolicies",
        "RemoveRoleFromInstanceProfile",
        "TagInstanceProfile",  # asked for with the tags of what is made
        "TagRole",
    )
}
NODE_ROLES = ("manager", "worker")
LINKED = ("autoscaling.amazonaws.com", "elasticfilesystem.amazonaws.com")


def linked(aws: AwsSettings) -> list[str]:
    """The services that act in the account by a role of their own."""
    return [*LINKED, *(["spot.amazonaws.com"] if aws.worker_spot else [])]


def document(settings: Settings) -> dict[str, Any]:
    """The policy of a deployer of this stack, as IAM takes it."""
    aws = chosen(settings)
    region = aws.region
    partition = boto3.Session().get_partition_for_region(region)
    here = {"StringEquals": {"aws:RequestedRegion": region}}
    own = {f"aws:ResourceTag/{key}": value for key, value in tags(settings, "").items() if key != "Name"}
    iam = f"arn:{partition}:iam::*"
    ec2 = ["ec2.amazonaws.com", *(["ec2.amazonaws.com.cn"] if partition == "aws-cn" else [])]
    roles = [f"{iam}:role/{name}-*" for name in NODE_ROLES]
    profiles = [f"{iam}:instance-profile/{name}-*" for name in NODE_ROLES]
    bound = {"StringEquals": {"iam:PermissionsBoundary": aws.permissions_boundary}}
    group = f"arn:{partition}:autoscaling:{region}:*:autoScalingGroup:*:autoScalingGroupName/"
    ssm = f"arn:{partition}:ssm:{region}"
    statements = [
        _statement("Look", LOOKING, "*", here),
        # AWS serves its price list in other regions than this one.
        _statement("Prices", {"pricing": ("GetProducts",)}, "*"),
        _statement("Make", MAKING, "*", here),
        _statement("End", ENDING, "*", {"StringEquals": own}),
        _statement("Encrypt", ENCRYPTING, "*", {"StringLike": {"kms:ViaService": f"ec2.{region}.*"}}),
        _statement("Workers", GROUP, f"{group}{group_name(settings)}"),
        _statement("BoundedRoles", BOUNDED, roles, bound if aws.permissions_boundary else None),
        _statement("Roles", ROLES, [*roles, *profiles]),
        # The deployer may be a session of a role, whatever that is called.
        _statement(
            "LookAtRights",
            {"iam": ("GetAccountSummary", "GetRole", "ListRoles", "SimulatePrincipalPolicy")},
            "*",
        ),
        # Instances begin with these roles.
        _statement(
            "Pass",
            {"iam": ("PassRole",)},
            roles,
            {"StringEquals": {"iam:PassedToService": ec2}},
        ),
        # AWS makes them in an account that uses these services for the first time.
        _statement(
            "ServiceRoles",
            {"iam": ("CreateServiceLinkedRole",)},
            f"{iam}:role/aws-service-role/*",
            {"StringEquals": {"iam:AWSServiceName": linked(aws)}},
        ),
        _statement("Image", {"ssm": ("GetParameter",)}, f"{ssm}::parameter{machine_image.FAMILY}/*"),
        _statement(
            "JoinRecord",
            {"ssm": ("DeleteParameter", "GetParameter")},
            f"{ssm}:*:parameter/{settings.project}/{settings.stack}/swarm",
        ),
    ]
    if aws.permissions_boundary:
        statements.append(
            _statement("Boundary", {"iam": ("GetPolicy", "GetPolicyVersion")}, aws.permissions_boundary)
        )
    else:
        # For roles that had one. Beside a boundary this right would undo it.
        statements.append(_statement("Unbound", {"iam": ("DeleteRolePermissionsBoundary",)}, roles))
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(
    name: str,
    actions: Mapping[str, tuple[str, ...]],
    resource: str | list[str],
    condition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Sid": name,
        "Effect": "Allow",
        "Action": [f"{service}:{action}" for service, listed in actions.items() for action in listed],
        "Resource": resource,
    }
    return found | {"Condition": condition} if condition else found


def actions(document: dict[str, Any]) -> set[str]:
    """All actions that the policy allows on anything."""
    return {action for statement in document["Statement"] for action in statement["Action"]}
