"""The preflight for the stack of this folder, as JSON: what `oodt preflight aws` runs and shows."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from infra import patience, settings
from infra.aws import stack_settings
from infra.aws.preflight import leftovers, policy
from infra.aws.preflight.facts import NotRead
from infra.aws.preflight.finding import of_setting
from infra.aws.preflight.place import chosen
from infra.aws.preflight.report import Report, examine
from infra.aws.stack_settings import StackError
from infra.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.aws.preflight", description=__doc__)
    parser.add_argument("--policy", action="store_true", help="only print the policy that a deployer needs")
    parser.add_argument("--leftovers", action="store_true", help="only say what the account has of the stack")
    options = parser.parse_args()
    try:
        answer = _policy() if options.policy else _leftovers() if options.leftovers else _examined()
    except StackError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


def _stack() -> Settings:
    """Raises StackError, ConfigurationError."""
    found = stack_settings.load()
    patience.use(found.patience)
    return found


def _examined() -> dict[str, Any]:
    try:
        found = examine(_stack())
    except settings.ConfigurationError as problem:
        # What the settings mean in the account is judged once they mean something.
        found = Report(caller=None, region="", findings=(of_setting(problem),))
    return found.as_json()


def _policy() -> dict[str, Any]:
    try:
        return policy.document(_stack())
    except settings.ConfigurationError as problem:
        raise StackError(str(problem)) from None


def _leftovers() -> dict[str, Any]:
    try:
        stack = _stack()
        aws = chosen(stack)
        found = leftovers.find(aws.access, region=aws.region, project=stack.project, stack=stack.stack)
    except (settings.ConfigurationError, NotRead) as problem:
        raise StackError(str(problem)) from None
    return {"leftovers": [{"kind": each.kind, "id": each.identifier, "line": each.line} for each in found]}


if __name__ == "__main__":
    sys.exit(main())
