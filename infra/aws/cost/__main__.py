"""What the stack of this folder costs, as JSON: what `oodt submit --dry-run` reckons with."""

from __future__ import annotations

import json
import sys
from typing import Any

from infra.aws import stack_settings
from infra.aws.cost import prices
from infra.aws.cost.estimate import estimate
from infra.settings import ConfigurationError


def main() -> int:
    try:
        print(json.dumps(_answer()))
    except (stack_settings.StackError, ConfigurationError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _answer() -> dict[str, Any]:
    """None for the cost of a stack on another target: its machines are the operator's."""
    try:
        settings = stack_settings.load()
    except stack_settings.OtherTargetError:
        return {"cost": None}
    assert settings.aws
    found = estimate(settings, prices.look_up(settings.aws))
    slots = {each.event: settings.wm_replicas * each.max_workflows for each in settings.workflows}
    return {"cost": found.as_json() | {"slots": slots}}


if __name__ == "__main__":
    sys.exit(main())
