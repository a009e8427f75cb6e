"""The preflight for the stack of this folder, as JSON: what `oodt preflight aws` runs and shows."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from infra import settings
from infra.aws.preflight import policy
from infra.aws.preflight.finding import of_setting
from infra.aws.preflight.report import Report, examine

PULUMI_LIMIT = 10  # seconds


class StackError(RuntimeError):
    """The stack's configuration is not to be had; the text says why and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.aws.preflight", description=__doc__)
    parser.add_argument("--policy", action="store_true", help="only print the policy that a deployer needs")
    options = parser.parse_args()
    try:
        answer = _policy() if options.policy else _examined()
    except StackError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


def _examined() -> dict[str, Any]:
    try:
        found = examine(_settings())
    except settings.ConfigurationError as problem:
        # What the settings mean in the account is judged once they mean something.
        found = Report(caller=None, region="", findings=(of_setting(problem),))
    return found.as_json()


def _policy() -> dict[str, Any]:
    try:
        return policy.document(_settings())
    except settings.ConfigurationError as problem:
        raise StackError(str(problem)) from None


def _settings() -> settings.Settings:
    root = _root(Path.cwd())
    project = str(yaml.safe_load((root / "Pulumi.yaml").read_text())["name"])
    config = json.loads(_pulumi("config", "--json", "--show-secrets"))
    found = {key: entry.get("value", "") for key, entry in config.items()}
    target = found.get(f"{project}:target")
    if target != "aws":
        raise StackError(
            f"target is {target!r}: this stack is not one of target aws\n  fix: pulumi stack select aws"
        )
    stack = _pulumi("stack", "--show-name").strip()
    return settings.load(found, project=project, stack=stack, root=root)


def _root(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "Pulumi.yaml").is_file():
            return candidate
    raise StackError(f"{folder} is in no folder with a Pulumi.yaml: run this in the project's folder")


def _pulumi(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            capture_output=True,
            text=True,
            timeout=PULUMI_LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise StackError("there is no pulumi on PATH: source ./activate") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"pulumi {arguments[0]} did not answer within {PULUMI_LIMIT} s") from None
    if done.returncode:
        raise StackError(f"the stack does not tell its settings: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
