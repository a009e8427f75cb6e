"""What nodes may ask of AWS: each statement is on one ARN, but for that of Session Manager."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.aws.tags import tags
from infra.settings import Settings

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# What its agent asks for, and no more: AWS's own policy for it lets nodes read all parameters of the account.
# None of these takes a narrower resource.
SESSIONS = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]


class Role(pulumi.ComponentResource):
    """The role of a kind of node, its instance profile and its policies.

    ``ready`` are what an instance must not start before.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("oodt:aws:Role", f"{name}-role", {}, opts)
        assert settings.aws
        self._name = name
        self._role = aws.iam.Role(
            name,
            assume_role_policy=json.dumps(TRUST),
            description=f"{settings.prefix}: {name}",
            permissions_boundary=settings.aws.permissions_boundary or None,
            tags=tags(settings, f"{settings.prefix} {name}"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = self._role.arn
        self.profile = aws.iam.InstanceProfile(
            name,
            role=self._role.id,
            tags=tags(settings, f"{settings.prefix} {name}"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.ready: list[pulumi.Resource] = [self.profile, self.allow("session", SESSIONS, "*")]
        self.register_outputs({})

    def allow(
        self,
        what: str,
        actions: list[str],
        resource: pulumi.Input[str],
        condition: dict[str, Any] | None = None,
    ) -> aws.iam.RolePolicy:
        """Let the nodes do these actions on this one resource."""
        statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resource}
        if condition:
            statement["Condition"] = condition
        return aws.iam.RolePolicy(
            f"{self._name}-{what}",
            role=self._role.id,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]}),
            opts=pulumi.ResourceOptions(parent=self),
        )


def parameter_arn(region: str, name: str) -> str:
    """The ARN of an SSM parameter, which no resource has: the manager itself makes it."""
    return f"{_arn('ssm', region)}:parameter{name}"


def group_arn(region: str, name: str) -> str:
    """The ARN of the Auto Scaling group of this name, but for the id that AWS gives it."""
    return f"{_arn('autoscaling', region)}:autoScalingGroup:*:autoScalingGroupName/{name}"


def file_system_arn(region: str, name: str) -> str:
    """The ARN of a file system that the stack did not make."""
    return f"{_arn('elasticfilesystem', region)}:file-system/{name}"


def _arn(service: str, region: str) -> str:
    partition = aws.get_partition().partition or "aws"
    return f"arn:{partition}:{service}:{region}:{aws.get_caller_identity().account_id or ''}"
