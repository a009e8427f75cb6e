"""A finding: what is wrong with a key or a thing of the account, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra.values import ConfigurationError

Severity = Literal["error", "warning", "not checked"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "not checked")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """With an error, `pulumi up` would fail or wait in vain. ``key`` is a setting's, or names a thing."""

    severity: Severity
    key: str
    value: str = ""
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        subject = f"{self.key} is {self.value}" if self.value else self.key
        return f"{self.severity}: {subject}: {self.problem}" + (f"\n  fix: {self.fix}" if self.fix else "")


def of_setting(problem: ConfigurationError) -> Finding:
    """What the checks of the settings say, as a finding."""
    return Finding(
        severity="error",
        key=problem.key,
        value=repr(problem.value),
        problem=problem.problem,
        fix=problem.fix,
    )
