"""What nodes write on their serial consoles: how far each has come with its set-up, and its last lines."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

STEP = re.compile(r"oodt: (?:step (\d+ of \d+: .*)|(ready))")
GAVE_UP_SETUP = "oodt: gave up at the set-up"  # which nothing begins again
LAST_LINES = 6
LINE_LENGTH = 160  # characters
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e]")


def read(ec2: Any, instance: str) -> list[str]:
    """The console's lines, as far as EC2 has them now: for instances of older types it lags by minutes.

    Raises botocore's errors.
    """
    try:
        answer = ec2.get_console_output(InstanceId=instance, Latest=True)
    except ClientError as problem:
        if problem.response["Error"]["Code"] != "UnsupportedOperation":
            raise
        answer = ec2.get_console_output(InstanceId=instance)
    lines = (CONTROL.sub("", line).strip() for line in answer.get("Output", "").splitlines())
    return [line for line in lines if line]


def describe(ec2: Any, instance: str, region: str) -> str:
    """Which step the node is at, its last lines, and what to type to see more."""
    try:
        lines = read(ec2, instance)
    except (BotoCoreError, ClientError) as problem:
        return f"{instance}: its console is not to be read ({problem}); {_look(instance, region)}"
    if not lines:
        return f"{instance}: its console is empty as yet; {_look(instance, region)}"
    steps = [found[1] or found[2] for found in map(STEP.search, lines) if found]
    at = f"step {steps[-1]}" if steps and steps[-1] != "ready" else steps[-1] if steps else "booting"
    last = "".join(f"\n    {line[:LINE_LENGTH]}" for line in lines[-LAST_LINES:])
    return f"{instance}: {at}; {_look(instance, region)}; its last lines:{last}"


def _look(instance: str, region: str) -> str:
    return f"log in by: aws ssm start-session --region {region} --target {instance}"
