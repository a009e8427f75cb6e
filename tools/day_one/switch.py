"""AWS itself ends the trial if this program cannot: three schedules, made before anything else.

After the time limit and the time for destroy, the first empties the group of workers, so that it starts no
others; the second terminates whatever instance has the stack's tags; the third runs sweep.py in the account,
which removes all else that costs, and does so again until it has surely met it unused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.aws.preflight.leftovers import Leftover
from infra.waiting import until
from tools.day_one import role
from tools.day_one.account import Account, gone
from tools.day_one.limits import DESTROY_MINUTES, SWITCH_MINUTES

TERMINATE = "AWS-TerminateEC2Instance"
SWEEP = Path(__file__).with_name("sweep.py")
SWEEP_SECONDS = 600  # the most that AWS gives a script
SWEEP_INTERVAL, SWEEPS = 20, 4  # minutes from one to the next; how many
CREATE = ("CreateDocument", "CreateRole", "CreateSchedule")
PATIENCE = 60  # seconds until a new role may be used


class Switch:
    """Made before the first instance, removed once nothing is left."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._role = f"{account.prefix}-switch"
        self._document = f"{account.prefix}-sweep"
        self._made: dict[Leftover, Callable[[], bool]] = {}  # with what removes it
        self._names = tuple(f"{account.prefix}-{what}" for what in ("empty-group", "terminate", "sweep"))

    def make(self, minutes: float) -> str:
        """When it acts; ``minutes`` is the time limit."""
        account = self._account
        services = ["scheduler.amazonaws.com", "ssm.amazonaws.com"]
        made = Leftover(kind="role", identifier=self._role, line=role.removal(self._role))
        with self._creating(made, partial(role.remove, account, self._role)):
            arn = role.make(account, self._role, services, self._statements())
        at = datetime.now(UTC) + timedelta(minutes=minutes + DESTROY_MINUTES + SWITCH_MINUTES - 2)
        empty = {"AutoScalingGroupName": account.group, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
        terminate = {
            "DocumentName": TERMINATE,
            "TargetParameterName": "InstanceId",
            "Targets": [{"Key": "tag:Stack", "Values": [account.stack]}],
            "MaxConcurrency": "100%",
            "MaxErrors": "100%",
        }
        self._make_document(arn)
        last = SWEEP_INTERVAL * (SWEEPS - 1) + 1
        sweeps = {
            "ScheduleExpression": f"rate({SWEEP_INTERVAL} minutes)",
            "StartDate": at + timedelta(minutes=1),
            "EndDate": at + timedelta(minutes=1 + last),
        }
        calls: tuple[tuple[dict[str, Any], str, dict[str, Any]], ...] = (
            (_once(at), "autoscaling:updateAutoScalingGroup", empty),
            (_once(at + timedelta(minutes=1)), "ssm:startAutomationExecution", terminate),
            (sweeps, "ssm:startAutomationExecution", {"DocumentName": self._document}),
        )
        for name, (when, call, given) in zip(self._names, calls, strict=True):
            self._schedule(name, when, call, given, arn)
        return at.strftime("%H:%M UTC")

    def _make_document(self, arn: str) -> None:
        account = self._account
        step = {
            "name": "sweep",
            "action": "aws:executeScript",
            "timeoutSeconds": SWEEP_SECONDS,
            "inputs": {
                "Runtime": "python3.11",
                "Handler": "sweep",
                "InputPayload": {
                    "region": account.region,
                    "project": account.project,
                    "stack": account.stack,
                },
                "Script": SWEEP.read_text(),
            },
        }
        ssm, line = account.clients["ssm"], f"aws ssm delete-document --name {self._document}"
        made = Leftover(kind="document", identifier=self._document, line=f"{line} --region {account.region}")
        with self._creating(made, partial(gone, ssm.delete_document, Name=self._document)):
            ssm.create_document(
                Name=self._document,
                DocumentType="Automation",
                DocumentFormat="JSON",
                Content=json.dumps({"schemaVersion": "0.3", "assumeRole": arn, "mainSteps": [step]}),
                Tags=[{"Key": key, "Value": value} for key, value in account.tags.items()],
            )

    def _schedule(self, name: str, when: dict[str, Any], call: str, given: dict[str, Any], arn: str) -> None:
        scheduler, line = self._account.clients["scheduler"], f"aws scheduler delete-schedule --name {name}"
        made = Leftover(kind="schedule", identifier=name, line=f"{line} --region {self._account.region}")
        target = {
            "Arn": f"arn:{self._account.partition}:scheduler:::aws-sdk:{call}",
            "RoleArn": arn,
            "Input": json.dumps(given),
        }

        def make() -> bool:
            with self._creating(made, partial(gone, scheduler.delete_schedule, Name=name)):
                scheduler.create_schedule(
                    Name=name,
                    **when,
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target=target,
                )
            return True

        until(f"the schedule {name}", make, timeout=PATIENCE)

    @contextlib.contextmanager
    def _creating(self, made: Leftover, remove: Callable[[], bool]) -> Iterator[None]:
        """Note what may be there from now on: a call that has no answer may have created it."""
        self._made[made] = remove
        try:
            yield
        except ClientError as refused:
            if refused.operation_name in CREATE:
                del self._made[made]
            raise

    def remove(self) -> list[Leftover]:
        """What may still be there after it, such as where a session has ended. None of it costs anything."""
        return [made for made, remove in reversed(self._made.items()) if not remove()]

    def _statements(self) -> list[dict[str, Any]]:
        account = self._account
        arn = f"arn:{account.partition}"
        autoscaling, ssm = f"{arn}:autoscaling:{account.region}:*", f"{arn}:ssm:{account.region}"
        group = f"{autoscaling}:autoScalingGroup:*:autoScalingGroupName/{account.group}"
        # AWS's own document is in no account. Older examples name definitions in place of documents.
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-identity-based-policies.html
        automation = [
            f"{ssm}::document/{TERMINATE}",
            f"{ssm}:*:document/{self._document}",
            *(f"{ssm}:*:automation-definition/{document}:*" for document in (TERMINATE, self._document)),
            f"{ssm}:*:automation-execution/*",
        ]
        own = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in account.tags.items()}}
        return [
            _allow(["autoscaling:UpdateAutoScalingGroup", "autoscaling:DeleteAutoScalingGroup"], group),
            _allow(["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"], automation),
            _allow(["iam:PassRole"], f"{arn}:iam::*:role/{self._role}"),
            _allow(
                [
                    "autoscaling:DescribeAutoScalingGroups",
                    "ec2:DescribeAddresses",
                    "ec2:DescribeInstances",
                    "ec2:DescribeInstanceStatus",
                    "ec2:DescribeSnapshots",
                    "ec2:DescribeVolumes",
                    "elasticfilesystem:DescribeFileSystems",
                    "elasticfilesystem:DescribeMountTargets",
                    # A mount target has an interface without tags, and an association has none either.
                    "ec2:DeleteNetworkInterface",
                    "ec2:DisassociateAddress",
                ],
                "*",
            ),
            _allow(
                [
                    "ec2:DeleteSnapshot",
                    "ec2:DeleteVolume",
                    "ec2:ReleaseAddress",
                    "ec2:TerminateInstances",
                    "elasticfilesystem:DeleteFileSystem",
                    "elasticfilesystem:DeleteMountTarget",
                ],
                "*",
                own,
            ),
        ]


def _once(at: datetime) -> dict[str, Any]:
    return {"ScheduleExpression": f"at({at.strftime('%Y-%m-%dT%H:%M:%S')})"}


def _allow(
    actions: list[str], resource: str | list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return found | {"Condition": condition} if condition else found
