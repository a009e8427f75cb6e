"""What is left of the stack in the account, by its tags, each with the line that removes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from tools.day_one.account import Account

# (kind, what lists them, the list, the id in it, the line that takes the id). Tags alone are no proof: AWS
# tells them for some time of what is gone.
OF_EC2 = (
    ("volume", "describe_volumes", "Volumes", "VolumeId", "delete-volume --volume-id"),
    ("snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "delete-snapshot --snapshot-id"),
    (
        "network interface",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
        "delete-network-interface --network-interface-id",
    ),
    ("elastic IP", "describe_addresses", "Addresses", "AllocationId", "release-address --allocation-id"),
    (
        "security group",
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
        "delete-security-group --group-id",
    ),
    ("key pair", "describe_key_pairs", "KeyPairs", "KeyPairId", "delete-key-pair --key-pair-id"),
    (
        "launch template",
        "describe_launch_templates",
        "LaunchTemplates",
        "LaunchTemplateId",
        "delete-launch-template --launch-template-id",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Leftover:
    kind: str
    identifier: str
    line: str


def find(account: Account) -> list[Leftover]:
    """In the order in which they can be removed."""
    region = f" --region {account.region}"
    found = [*_groups(account), *_of_ec2(account), *_file_systems(account), *_parameter(account)]
    return [
        *(Leftover(kind=each.kind, identifier=each.identifier, line=each.line + region) for each in found),
        *_roles(account),
    ]


def _groups(account: Account) -> Iterator[Leftover]:
    filters = [{"Name": "tag:Stack", "Values": [account.stack]}]
    answer = account.clients["autoscaling"].describe_auto_scaling_groups(Filters=filters)
    for group in answer["AutoScalingGroups"]:
        name = group["AutoScalingGroupName"]
        line = f"aws autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name {name}"
        yield Leftover(kind="auto-scaling-group", identifier=name, line=line)


def _of_ec2(account: Account) -> Iterator[Leftover]:
    for identifier in account.instances():
        line = f"aws ec2 terminate-instances --instance-ids {identifier}"
        yield Leftover(kind="instance", identifier=identifier, line=line)
    filters = [{"Name": "tag:Stack", "Values": [account.stack]}]
    for kind, action, listed, name, line in OF_EC2:
        for found in getattr(account.clients["ec2"], action)(Filters=filters)[listed]:
            yield Leftover(kind=kind, identifier=found[name], line=f"aws ec2 {line} {found[name]}")


def _file_systems(account: Account) -> Iterator[Leftover]:
    efs = account.clients["efs"]
    for page in efs.get_paginator("describe_file_systems").paginate():
        for system in page["FileSystems"]:
            own = {tag["Key"]: tag["Value"] for tag in system.get("Tags", [])}
            if own.get("Stack") != account.stack:
                continue
            identifier = system["FileSystemId"]
            for target in efs.describe_mount_targets(FileSystemId=identifier)["MountTargets"]:
                name = target["MountTargetId"]
                line = f"aws efs delete-mount-target --mount-target-id {name}"
                yield Leftover(kind="mount-target", identifier=name, line=line)
            for point in efs.describe_access_points(FileSystemId=identifier)["AccessPoints"]:
                name = point["AccessPointId"]
                line = f"aws efs delete-access-point --access-point-id {name}"
                yield Leftover(kind="access-point", identifier=name, line=line)
            line = f"aws efs delete-file-system --file-system-id {identifier}"
            yield Leftover(kind="file-system", identifier=identifier, line=line)


def _parameter(account: Account) -> Iterator[Leftover]:
    name = f"/{account.project}/{account.stack}/swarm"
    try:
        account.clients["ssm"].get_parameter(Name=name)
    except ClientError as problem:
        if problem.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return
    yield Leftover(kind="parameter", identifier=name, line=f"aws ssm delete-parameter --name {name}")


def _roles(account: Account) -> Iterator[Leftover]:
    """Roles of the nodes, which are described by the stack's name, and of the trial itself."""
    iam = account.clients["iam"]
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = role["RoleName"]
            if not (role.get("Description") or "").startswith(f"{account.prefix}: "):
                continue
            for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
                held = profile["InstanceProfileName"]
                named = f"--instance-profile-name {held}"
                line = (
                    f"aws iam remove-role-from-instance-profile {named} --role-name {name} && "
                    f"aws iam delete-instance-profile {named}"
                )
                yield Leftover(kind="instance-profile", identifier=held, line=line)
            policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
            parts = [
                f"aws iam delete-role-policy --role-name {name} --policy-name {policy}" for policy in policies
            ]
            line = " && ".join([*parts, f"aws iam delete-role --role-name {name}"])
            yield Leftover(kind="role", identifier=name, line=line)
