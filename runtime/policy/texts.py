"""Fills in the texts of a PGE configuration, and reports placeholders that lead nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.placeholders import Known, fill, is_name


class Texts:
    """``known`` is what placeholders see. ``is_complete``: there can be nothing else, unless a job has it.

    ``later`` are keys that the same list defines further down.
    """

    def __init__(
        self, known: Known, report: Report, *, is_complete: bool = True, later: Collection[str] = ()
    ) -> None:
        self.known = known
        self.is_complete = is_complete
        self._report = report
        self._later = later

    def fill(self, at: Element, what: str, text: str | None) -> str | None:
        """The text with what is known in it, and UNKNOWN for the rest; None if its brackets are wrong."""
        if text is None:
            return None
        filled = fill(text, self.known)
        if filled.broken:
            self._report.error(
                at, f"{what} is {text!r}, where {filled.broken}: the task fails", "mend the brackets"
            )
            return None
        for name in dict.fromkeys(filled.undefined):
            self._undefined(at, what, name)
        return filled.text

    def _undefined(self, at: Element, what: str, name: str) -> None:
        if not is_name(name):
            self._report.error(
                at,
                f"{what} has [{name}], which OODT takes for a placeholder: it puts null in its place",
                "write it without brackets (in a shell: test, not [ ])",
            )
            return
        if not self.is_complete:
            return
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.8)
        if name in self._later:
            fix = f"define {name} before it"
        elif near:
            fix = f"did you mean [{near[0]}]? "
        else:
            fix = f"define {name} in <customMetadata>, or name it in <requiredMetFields> of the task"
        self._report.warn(
            at,
            f"{what} refers to [{name}], which nothing here defines: a job without {name} gets null there",
            fix.strip(),
        )
