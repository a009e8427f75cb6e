"""Burstable instance types, which are slower or dearer than they seem once their work is steady.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
"""

from __future__ import annotations

from collections.abc import Mapping

STANDARD = ("t2",)  # slow down without credits; the others are surcharged, as AWS launches them
FAMILIES = (*STANDARD, "t3", "t3a", "t4g")
STEADY = {"t4g": "m7g"}  # the family to take instead, with as much memory in each size; else m6i
# Shares of a vCPU that last for ever.
BASELINES: Mapping[str, float] = {
    "t2.large": 0.3,
    "t2.xlarge": 0.225,
    "t2.2xlarge": 0.17,
}
LAUNCH_CREDITS = 30  # minutes of one vCPU that a new t2 has for each of its own


def family(instance_type: str) -> str:
    """The family if it is a burstable one, else nothing."""
    found = instance_type.partition(".")[0]
    return found if found in FAMILIES else ""


def steady(instance_type: str) -> str:
    """The type to take instead."""
    size = instance_type.rpartition(".")[2]
    return f"{STEADY.get(family(instance_type), 'm6i')}.{size if size.endswith('large') else 'xlarge'}"


def warning(instance_type: str) -> str:
    """What happens to this type under steady work; empty if nothing does."""
    found = family(instance_type)
    if not found:
        return ""
    if found not in STANDARD:
        return (
            "it is a burstable type: AWS adds a surcharge for each hour of a vCPU that is above the type's "
            "baseline over a day."
        )
    baseline = BASELINES.get(instance_type)
    if baseline is None:
        return "it is a burstable type: under steady work it falls to its baseline."
    minutes = round(LAUNCH_CREDITS / (1 - baseline))
    return (
        f"it is a burstable type: after about {minutes} minutes of full load it falls to {baseline:.1%} of "
        "its speed."
    )
