"""The operator's command that checks an account before a cluster is made in it: oodt preflight aws."""

import importlib.util
import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from runtime.cli.command import Command, exit_with
from runtime.cli.results import BAD_INPUT, DONE, BadInput, Result

# The Pulumi program has its own process: this package is installed where there is none of it.
PROGRAM = "infra"
SECONDS = 60  # far more than it takes; what it asks has limits of its own


def _run(options: Namespace) -> Result:
    line = [sys.executable, "-m", f"{PROGRAM}.{options.target}.preflight"]
    answer = _answer([*line, "--policy"] if options.policy else line)
    if options.policy:
        return Result(answer=answer, show=lambda: print(json.dumps(answer, indent=2)))
    findings = answer["findings"]
    counted = {
        severity: sum(found["severity"] == severity for found in findings)
        for severity in ("error", "warning", "not checked")
    }

    def show() -> None:
        if answer["caller"]:
            print(f"account {answer['account']} in {answer['region']}, as {answer['caller']}")
        for found in findings:
            print(found["text"])
        errors, warnings, unchecked = counted.values()
        print(f"errors: {errors}, warnings: {warnings}, not checked: {unchecked}")

    return Result(
        answer=answer | {"errors": counted["error"], "warnings": counted["warning"]},
        show=show,
        code=BAD_INPUT if counted["error"] else DONE,
    )


def _answer(line: list[str]) -> dict[str, Any]:
    """What the program says of the stack of this folder; raises BadInput."""
    found = importlib.util.find_spec(PROGRAM)
    if found is None or not found.origin:
        raise BadInput(
            "the Pulumi program is not here: run this in the project's folder, after source ./activate"
        )
    environment = os.environ | {"PYTHONPATH": str(Path(found.origin).parents[1])}
    try:
        done = subprocess.run(
            line, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"the preflight did not end within {SECONDS} s: run it again") from None
    if done.returncode:
        raise BadInput(done.stderr.strip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("target", choices=("aws",), help="the target to check")
    parser.add_argument(
        "--policy", action="store_true", help="print the IAM policy that a deployer needs, and check nothing"
    )


COMMAND = Command(
    name="preflight",
    description="Check an AWS account before a cluster is made in it: network, quotas, instance type, image, "
    "file system, your own address. It changes nothing and costs nothing. What would make pulumi up fail is "
    "an error. Errors end with exit code 2; warnings do not.",
    examples=("aws", "aws --json", "aws --policy > policy.json"),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
