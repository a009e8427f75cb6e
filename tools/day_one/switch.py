"""AWS itself ends the instances if this program cannot: two schedules, made before anything else.

The first empties the group of workers, so that it starts no others. The second terminates whatever instance
has the stack's tag. They act once, after the time limit and the time for destroy.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra.waiting import until
from tools.day_one import role
from tools.day_one.account import Account
from tools.day_one.limits import DESTROY_MINUTES, SWITCH_MINUTES

TARGET = "arn:aws:scheduler:::aws-sdk"
DOCUMENT = "AWS-TerminateEC2Instance"
PATIENCE = 60  # seconds until a new role may be used


class Switch:
    """Made before the first instance, removed once nothing is left."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._role = f"{account.prefix}-switch"
        self._names = (f"{account.prefix}-empty-group", f"{account.prefix}-terminate")

    def make(self, minutes: float) -> str:
        """When it acts; ``minutes`` is the time limit."""
        account = self._account
        arn = role.make(account, self._role, "scheduler.amazonaws.com", self._statements())
        at = datetime.now(UTC) + timedelta(minutes=minutes + DESTROY_MINUTES + SWITCH_MINUTES - 2)
        empty = {"AutoScalingGroupName": account.group, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
        terminate = {
            "DocumentName": DOCUMENT,
            "TargetParameterName": "InstanceId",
            "Targets": [{"Key": "tag:Stack", "Values": [account.stack]}],
            "MaxConcurrency": "100%",
            "MaxErrors": "100%",
        }
        calls: tuple[tuple[str, dict[str, Any]], ...] = (
            ("autoscaling:updateAutoScalingGroup", empty),
            ("ssm:startAutomationExecution", terminate),
        )
        for number, (name, (call, given)) in enumerate(zip(self._names, calls, strict=True)):
            self._schedule(name, at + timedelta(minutes=number), call, given, arn)
        return at.strftime("%H:%M UTC")

    def _schedule(self, name: str, at: datetime, call: str, given: dict[str, Any], arn: str) -> None:
        def make() -> bool:
            self._account.clients["scheduler"].create_schedule(
                Name=name,
                ScheduleExpression=f"at({at.strftime('%Y-%m-%dT%H:%M:%S')})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": f"{TARGET}:{call}", "RoleArn": arn, "Input": json.dumps(given)},
            )
            return True

        until(f"the schedule {name}", make, timeout=PATIENCE)

    def remove(self) -> None:
        for name in self._names:
            with contextlib.suppress(ClientError):
                self._account.clients["scheduler"].delete_schedule(Name=name)
        role.remove(self._account, self._role)

    def _statements(self) -> list[dict[str, Any]]:
        account = self._account
        group = (
            f"arn:aws:autoscaling:{account.region}:*:autoScalingGroup:*:autoScalingGroupName/{account.group}"
        )
        automation = [
            f"arn:aws:ssm:{account.region}:*:automation-definition/{DOCUMENT}:*",
            f"arn:aws:ssm:{account.region}:*:automation-execution/*",
        ]
        own = {"StringEquals": {"aws:ResourceTag/Stack": account.stack}}
        return [
            {"Effect": "Allow", "Action": "autoscaling:UpdateAutoScalingGroup", "Resource": group},
            {
                "Effect": "Allow",
                "Action": ["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"],
                "Resource": automation,
            },
            {
                "Effect": "Allow",
                "Action": ["ec2:DescribeInstances", "ec2:DescribeInstanceStatus"],
                "Resource": "*",
            },
            {"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": "*", "Condition": own},
        ]
