"""What the account still has of a stack, by the stack's tags: after `pulumi destroy` it should be nothing."""

from __future__ import annotations

from typing import Any

from infra.aws.preflight.calls import Calls, filters
from infra.aws.preflight.place import chosen
from infra.aws.tags import tags
from infra.aws.workers import group_name
from infra.settings import Settings

ALIVE = ("pending", "running", "stopping", "stopped")  # others stay listed for an hour, with their tags
# Of EC2, beside instances: what it is, the call that lists it, and where the answer has it and its id.
# The tags of what is gone stay listed for a while, so the things are asked for and not the tags.
OF_EC2 = (
    ("address", "describe_addresses", "Addresses", "AllocationId"),
    ("key-pair", "describe_key_pairs", "KeyPairs", "KeyPairId"),
    ("launch-template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    ("network-interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("security-group", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("volume", "describe_volumes", "Volumes", "VolumeId"),
)


def find(settings: Settings) -> list[str]:
    """Kind and id of each. Raises facts.NotRead."""
    calls = Calls(chosen(settings))
    own = {key: value for key, value in tags(settings, "").items() if key != "Name"}
    return sorted([*_of_ec2(calls, own), *_of_efs(calls, own), *_others(calls, settings)])


def _of_ec2(calls: Calls, own: dict[str, str]) -> list[str]:
    tagged = [each for key, value in own.items() for each in filters(f"tag:{key}", value)]
    alive = [*tagged, *filters("instance-state-name", *ALIVE)]
    reservations = calls.ask("ec2", "describe_instances", Filters=alive)["Reservations"]
    return [
        *(f"instance {each['InstanceId']}" for found in reservations for each in found["Instances"]),
        *(
            f"{kind} {each[key]}"
            for kind, action, listed, key in OF_EC2
            for each in calls.ask("ec2", action, Filters=tagged)[listed]
        ),
    ]


def _of_efs(calls: Calls, own: dict[str, str]) -> list[str]:
    def is_own(found: dict[str, Any]) -> bool:
        given = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
        return own.items() <= given.items()

    systems = calls.ask("efs", "describe_file_systems")["FileSystems"]
    points = calls.ask("efs", "describe_access_points")["AccessPoints"]
    return [
        *(f"file-system {found['FileSystemId']}" for found in systems if is_own(found)),
        *(f"access-point {found['AccessPointId']}" for found in points if is_own(found)),
    ]


def _others(calls: Calls, settings: Settings) -> list[str]:
    """What has names or descriptions of the stack's own: the group, the roles, the join record."""
    name, record = group_name(settings), f"/{settings.project}/{settings.stack}/swarm"
    groups = calls.ask("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])
    found = [f"auto-scaling-group {each['AutoScalingGroupName']}" for each in groups["AutoScalingGroups"]]
    found += [
        f"role {role['RoleName']}"
        for role in calls.ask("iam", "list_roles")["Roles"]
        if role.get("Description", "").startswith(f"{settings.prefix}: ")
    ]
    if calls.ask("ssm", "get_parameter", ("ParameterNotFound",), Name=record):
        found.append(f"parameter {record}")
    return found
