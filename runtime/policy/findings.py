"""What the check of a workflow found: where, what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runtime.policy.documents import Element

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An error is certain to fail, or to be wrong without a word. A warning may be meant so."""

    severity: Severity
    file: Path
    line: int
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.problem}; fix: {self.fix}"


@dataclass(frozen=True)
class Report:
    """Collects findings, each once: several tasks may use one file. A lenient one has warnings only."""

    _found: dict[Finding, None] = field(default_factory=dict)
    is_lenient: bool = False

    def error(self, at: Element | Path, problem: str, fix: str) -> None:
        self.add("error", at, problem, fix)

    def warn(self, at: Element | Path, problem: str, fix: str) -> None:
        self.add("warning", at, problem, fix)

    def add(self, severity: Severity, at: Element | Path, problem: str, fix: str, *, line: int = 1) -> None:
        if self.is_lenient:
            severity = "warning"
        file, line = (at.file, at.line) if isinstance(at, Element) else (at, line)
        self._found[Finding(severity=severity, file=file, line=line, problem=problem, fix=fix)] = None

    def findings(self) -> list[Finding]:
        """By file and line, errors first at each."""
        return sorted(self._found, key=lambda found: (str(found.file), found.line, found.severity))
