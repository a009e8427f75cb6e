"""What the account still has of a stack, by the stack's tags: after `pulumi destroy` it should be nothing."""

from __future__ import annotations

from typing import Any

from infra.aws.preflight.calls import Calls, filters
from infra.aws.preflight.place import chosen
from infra.aws.tags import tags
from infra.aws.workers import group_name
from infra.settings import Settings

ENDED = ("terminated", "shutting-down")  # such instances stay listed for an hour, with their tags


def find(settings: Settings) -> list[str]:
    """Kind and id of each. Raises facts.NotRead."""
    calls = Calls(chosen(settings))
    own = {key: value for key, value in tags(settings, "").items() if key != "Name"}
    return sorted([*_of_ec2(calls, own), *_of_efs(calls, own), *_others(calls, settings)])


def _of_ec2(calls: Calls, own: dict[str, str]) -> list[str]:
    by_tag = [
        {
            f"{found['ResourceType']} {found['ResourceId']}"
            for found in calls.ask(
                "ec2", "describe_tags", Filters=[*filters("key", key), *filters("value", value)]
            )["Tags"]
        }
        for key, value in own.items()
    ]
    reservations = calls.ask("ec2", "describe_instances", Filters=filters("instance-state-name", *ENDED))
    ended = {
        f"instance {instance['InstanceId']}"
        for reservation in reservations["Reservations"]
        for instance in reservation["Instances"]
    }
    return list(set.intersection(*by_tag) - ended)


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
