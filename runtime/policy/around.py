"""What the checks of all tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runtime.policy.classes import Classes
from runtime.policy.files import Files
from runtime.policy.findings import Report
from runtime.policy.places import Places
from runtime.policy.products import Products


@dataclass(frozen=True, kw_only=True)
class Around:
    """All folders of the check, with their classes by name of the folder."""

    folders: Sequence[Places]
    products: Products
    files: Files
    classes: Mapping[str, Classes]
    report: Report

    def lenient(self) -> Around:
        """The same for what no job can get to."""
        report = replace(self.report, is_lenient=True)
        classes = {name: each.with_report(report) for name, each in self.classes.items()}
        return replace(self, report=report, classes=classes)
