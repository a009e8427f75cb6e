"""How long to wait: time limits are those of a usual machine, and the operator's factor stretches them."""

from __future__ import annotations

KEY = "patience"  # of the settings
ADVICE = f"for a slow machine: pulumi config set {KEY} 3 gives everything three times as long"

# The engine runs the program and the project's own resources in a process each; both serve a single stack.
_factor = 1.0


def use(factor: float) -> None:
    """Have this process wait so many times as long."""
    global _factor  # noqa: PLW0603
    _factor = factor


def factor() -> float:
    """How many times as long as usual this process waits."""
    return _factor


def stretched(seconds: float) -> float:
    """A usual machine's time limit as it is for this stack."""
    return seconds * _factor
