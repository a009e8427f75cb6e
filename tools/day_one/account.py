"""The account as the trial sees it: the stack's instances, their consoles, clients that end in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.access import Access
from infra.aws.preflight import leftovers
from infra.aws.preflight.leftovers import Leftover

CALLS = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
SERVICES = ("autoscaling", "ec2", "fis", "iam", "scheduler", "ssm", "sts")
REFUSED = (BotoCoreError, ClientError)
NOT_THERE = ("InvalidDocument", "NoSuchEntity", "ResourceNotFoundException")
MANAGER, WORKER = "Swarm Manager Node", "Swarm Worker Node"


@dataclass(kw_only=True)
class Account:
    """``stack`` is the value of the tag Stack that everything of the trial has."""

    region: str
    profile: str
    project: str
    stack: str
    clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        session = boto3.Session(region_name=self.region, profile_name=self.profile or None)
        for name in SERVICES:
            self.clients[name] = session.client(name, config=CALLS)  # type: ignore[call-overload]

    @property
    def prefix(self) -> str:
        return f"{self.project}-{self.stack}"

    @property
    def group(self) -> str:
        return f"{self.prefix}-workers"

    @property
    def tags(self) -> dict[str, str]:
        return {"Project": self.project, "Stack": self.stack}

    @property
    def partition(self) -> str:
        """What ARNs of this region begin with, after arn."""
        return boto3.Session().get_partition_for_region(self.region)

    def number(self) -> str:
        return str(self.clients["sts"].get_caller_identity()["Account"])

    def instances(self, name: str = "") -> dict[str, str]:
        """State by id, of the stack's instances, or those of this name, that are not terminated."""
        filters = [
            {"Name": "tag:Stack", "Values": [self.stack]},
            *([{"Name": "tag:Name", "Values": [name]}] if name else []),
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
        pages = self.clients["ec2"].get_paginator("describe_instances").paginate(Filters=filters)
        return {
            instance["InstanceId"]: instance["State"]["Name"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def running(self, name: str) -> list[str]:
        return sorted(identifier for identifier, state in self.instances(name).items() if state == "running")

    def leftovers(self) -> list[Leftover]:
        """Raises NotRead."""
        access = Access(profile=self.profile)
        return leftovers.find(access, region=self.region, project=self.project, stack=self.stack)

    def console(self, identifier: str) -> str:
        """What the instance has written on its serial console; old types tell what is some minutes old."""
        for latest in (True, False):
            try:
                answer = self.clients["ec2"].get_console_output(InstanceId=identifier, Latest=latest)
            except ClientError as problem:
                if problem.response["Error"]["Code"] != "UnsupportedOperation":
                    return f"no console: {problem}"
            else:
                return str(answer.get("Output") or "nothing yet")
        return "no console"


def gone(delete: Callable[..., object], **name: str) -> bool:
    """Whether a call has deleted what it names, or there is nothing of that name."""
    try:
        delete(**name)
    except ClientError as problem:
        return problem.response["Error"]["Code"] in NOT_THERE
    except BotoCoreError:
        return False
    return True
