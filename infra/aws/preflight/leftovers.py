"""What the account still has of a stack, with the line that removes each: after `pulumi destroy`, nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from infra.aws.access import Access
from infra.aws.preflight.calls import Calls, filters

ALIVE = ("pending", "running", "stopping", "stopped")  # others stay listed for an hour, with their tags
# Of EC2, beside instances and security groups: what it is, the call that lists it, where the answer has it
# and its id, and what removes it. The tags of what is gone stay listed for a while, so the things are asked
# for and not the tags.
OF_EC2 = (
    ("volume", "describe_volumes", "Volumes", "VolumeId", "delete-volume --volume-id"),
    ("snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "delete-snapshot --snapshot-id"),
    (
        "network-interface",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
        "delete-network-interface --network-interface-id",
    ),
    ("address", "describe_addresses", "Addresses", "AllocationId", "release-address --allocation-id"),
    ("key-pair", "describe_key_pairs", "KeyPairs", "KeyPairId", "delete-key-pair --key-pair-id"),
    (
        "launch-template",
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


def find(access: Access, *, region: str, project: str, stack: str) -> list[Leftover]:
    """In the order in which they can be removed. Raises facts.NotRead."""
    calls, own = Calls(access, region), {"Project": project, "Stack": stack}
    tagged = [each for key, value in own.items() for each in filters(f"tag:{key}", value)]
    found = [
        *_groups(calls, tagged),
        *_of_ec2(calls, tagged),
        *_of_efs(calls, own),
        *_security_groups(calls, tagged),
        *_parameter(calls, f"/{project}/{stack}/swarm"),
    ]
    return [
        *(replace(each, line=f"{each.line} --region {region}") for each in found),
        *_roles(calls, f"{project}-{stack}: "),
    ]


def _groups(calls: Calls, tagged: list[dict[str, Any]]) -> Iterator[Leftover]:
    listed = calls.ask("autoscaling", "describe_auto_scaling_groups", Filters=tagged)["AutoScalingGroups"]
    for name in (each["AutoScalingGroupName"] for each in listed):
        line = f"aws autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name {name}"
        yield Leftover(kind="auto-scaling-group", identifier=name, line=line)


def _of_ec2(calls: Calls, tagged: list[dict[str, Any]]) -> Iterator[Leftover]:
    alive = [*tagged, *filters("instance-state-name", *ALIVE)]
    for reservation in calls.ask("ec2", "describe_instances", Filters=alive)["Reservations"]:
        for name in (each["InstanceId"] for each in reservation["Instances"]):
            line = f"aws ec2 terminate-instances --instance-ids {name}"
            yield Leftover(kind="instance", identifier=name, line=line)
    for kind, action, listed, key, line in OF_EC2:
        # Without an owner EC2 goes through all snapshots that anybody shares with everybody.
        own: dict[str, Any] = {"OwnerIds": ["self"]} if kind == "snapshot" else {}
        for name in (each[key] for each in calls.ask("ec2", action, Filters=tagged, **own)[listed]):
            yield Leftover(kind=kind, identifier=name, line=f"aws ec2 {line} {name}")


def _of_efs(calls: Calls, own: dict[str, str]) -> Iterator[Leftover]:
    """An access point of the stack may be in a file system that is not the stack's own."""

    def is_own(found: dict[str, Any]) -> bool:
        given = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
        return own.items() <= given.items()

    listed = calls.ask("efs", "describe_file_systems")["FileSystems"]
    systems = [each["FileSystemId"] for each in listed if is_own(each)]
    for system in systems:
        for target in calls.ask("efs", "describe_mount_targets", FileSystemId=system)["MountTargets"]:
            name = target["MountTargetId"]
            line = f"aws efs delete-mount-target --mount-target-id {name}"
            yield Leftover(kind="mount-target", identifier=name, line=line)
    for point in calls.ask("efs", "describe_access_points")["AccessPoints"]:
        if is_own(point) or point["FileSystemId"] in systems:
            name = point["AccessPointId"]
            line = f"aws efs delete-access-point --access-point-id {name}"
            yield Leftover(kind="access-point", identifier=name, line=line)
    for system in systems:
        line = f"aws efs delete-file-system --file-system-id {system}"
        yield Leftover(kind="file-system", identifier=system, line=line)


def _security_groups(calls: Calls, tagged: list[dict[str, Any]]) -> Iterator[Leftover]:
    """They come after the mount targets that use them. EC2 keeps a group that a rule of another one names."""
    listed = calls.ask("ec2", "describe_security_groups", Filters=tagged)["SecurityGroups"]
    named = {
        pair.get("GroupId")
        for group in listed
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
        if pair.get("GroupId") != group["GroupId"]
    }
    for name in sorted((each["GroupId"] for each in listed), key=named.__contains__):
        line = f"aws ec2 delete-security-group --group-id {name}"
        yield Leftover(kind="security-group", identifier=name, line=line)


def _parameter(calls: Calls, name: str) -> Iterator[Leftover]:
    """The join record, which the manager makes."""
    if calls.ask("ssm", "get_parameter", ("ParameterNotFound",), Name=name):
        yield Leftover(kind="parameter", identifier=name, line=f"aws ssm delete-parameter --name {name}")


def _roles(calls: Calls, description: str) -> Iterator[Leftover]:
    """With their instance profiles. The list of roles has no tags: they are known by their description."""
    for role in calls.ask("iam", "list_roles")["Roles"]:
        if not role.get("Description", "").startswith(description):
            continue
        name = role["RoleName"]
        profiles = calls.ask("iam", "list_instance_profiles_for_role", RoleName=name)["InstanceProfiles"]
        for held in (each["InstanceProfileName"] for each in profiles):
            line = (
                f"aws iam remove-role-from-instance-profile --instance-profile-name {held} --role-name {name}"
                f" && aws iam delete-instance-profile --instance-profile-name {held}"
            )
            yield Leftover(kind="instance-profile", identifier=held, line=line)
        policies = calls.ask("iam", "list_role_policies", RoleName=name)["PolicyNames"]
        parts = [
            f"aws iam delete-role-policy --role-name {name} --policy-name {policy}" for policy in policies
        ]
        line = " && ".join([*parts, f"aws iam delete-role --role-name {name}"])
        yield Leftover(kind="role", identifier=name, line=line)
