"""AWS's notice that it takes a spot instance back, given to one worker by its Fault Injection Service."""

from __future__ import annotations

import contextlib
from typing import Any

from botocore.exceptions import ClientError

from infra.waiting import until
from tools.day_one import role
from tools.day_one.account import Account

ACTION = "aws:ec2:send-spot-instance-interruptions"
ENDED = ("completed", "stopped", "failed", "cancelled")


class SpotNoticeError(Exception):
    """The notice was not given; the text says why."""


def give(account: Account, *, seconds: float) -> None:
    """Give it, and remove what that needed. Raises SpotNoticeError, NotReadyError."""
    name = f"{account.prefix}-spot-notice"
    fis = account.clients["fis"]
    template = ""
    try:
        arn = role.make(account, name, ["fis.amazonaws.com"], _statements(account))

        def make() -> str:
            made = fis.create_experiment_template(
                description=f"{account.prefix}: a spot notice",
                stopConditions=[{"source": "none"}],
                targets={
                    "worker": {
                        "resourceType": "aws:ec2:spot-instance",
                        "resourceTags": account.tags,
                        "filters": [{"path": "State.Name", "values": ["running"]}],
                        "selectionMode": "COUNT(1)",
                    }
                },
                actions={
                    "notice": {
                        "actionId": ACTION,
                        "parameters": {"durationBeforeInterruption": "PT2M"},
                        "targets": {"SpotInstances": "worker"},
                    }
                },
                roleArn=arn,
                tags=account.tags,
            )
            return str(made["experimentTemplate"]["id"])

        # A new role is refused for some seconds.
        template = until("the experiment's template", make, timeout=seconds / 4)
        started = until(
            "the experiment to start",
            lambda: fis.start_experiment(experimentTemplateId=template)["experiment"]["id"],
            timeout=seconds / 4,
        )

        def ended() -> dict[str, Any] | None:
            state: dict[str, Any] = fis.get_experiment(id=started)["experiment"]["state"]
            return state if state["status"] in ENDED else None

        state = until("the notice", ended, timeout=seconds / 2)
        if state["status"] != "completed":
            raise SpotNoticeError(f"the experiment is {state['status']}: {state.get('reason', '')}")
    finally:
        with contextlib.suppress(ClientError):
            if template:
                fis.delete_experiment_template(id=template)
        role.remove(account, name)


def _statements(account: Account) -> list[dict[str, Any]]:
    own = {"StringEquals": {"aws:ResourceTag/Stack": account.stack}}
    return [
        {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "ec2:SendSpotInstanceInterruptions",
            "Resource": f"arn:{account.partition}:ec2:{account.region}:*:instance/*",
            "Condition": own,
        },
    ]
