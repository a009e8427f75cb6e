"""What nodes write on their serial consoles: how far each has come with its set-up, and its last lines."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

STEP = re.compile(r"oodt: (?:step (\d+ of \d+: .*)|(ready))")
GAVE_UP_SETUP = "oodt: gave up at the set-up"  # which nothing begins again
GAVE_UP = "gave up its set-up"  # as it is told
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
    """Which step the node is at, what it wrote last, and what to type to see more.

    Of one that gave up these are the lines up to that: others have written since.
    """
    try:
        lines = read(ec2, instance)
    except (BotoCoreError, ClientError) as problem:
        return f"{instance}: its console is not to be read ({problem}); {_look(instance, region)}"
    if not lines:
        return f"{instance}: its console is empty as yet; {_look(instance, region)}"
    steps = [found[1] or found[2] for found in map(STEP.search, lines) if found]
    at = f"step {steps[-1]}" if steps and steps[-1] != "ready" else steps[-1] if steps else "booting"
    end = _gave_up_at(lines)
    at = f"{GAVE_UP}, at {at}" if end else at
    last = "".join(f"\n    {line[:LINE_LENGTH]}" for line in lines[:end][-LAST_LINES:])
    return f"{instance}: {at}; {_look(instance, region)}; its last lines:{last}"


def _gave_up_at(lines: list[str]) -> int | None:
    """How many lines there are up to the one that says so; None without one, or if a step came later."""
    for number in range(len(lines), 0, -1):
        if GAVE_UP_SETUP in lines[number - 1]:
            return number
        if STEP.search(lines[number - 1]):
            return None
    return None


def _look(instance: str, region: str) -> str:
    return f"log in by: aws ssm start-session --region {region} --target {instance}"
