"""Reads the XML files of one workflow's folders, and reports those that are missing or are no XML."""

from __future__ import annotations

from pathlib import Path

from runtime.policy import documents, spelling
from runtime.policy.documents import Element, Unreadable
from runtime.policy.findings import Report

MEND = "mend the XML"


class Files:
    """The XML files of the workflows that are checked; each is read once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._read: dict[Path, Element | None] = {}
        self._spelled: set[Path] = set()

    def read(self, file: Path, known: spelling.Known | None = None) -> Element | None:
        """The root of a file that is there; None if it cannot be read, which is reported.

        ``known`` are the elements that OODT looks for in files of its kind.
        """
        file = file.resolve()
        if file not in self._read:
            self._read[file] = self._parse(file)
        root = self._read[file]
        if root and known and file not in self._spelled:
            self._spelled.add(file)
            spelling.check(root, known, self._report)
        return root

    def _parse(self, file: Path) -> Element | None:
        try:
            return documents.parse(file)
        except Unreadable as problem:
            text = f"this is no XML that can be read ({problem})"
            self._report.add("error", file, text, MEND, line=problem.line)
        except OSError as problem:
            self._report.error(file, f"it cannot be read ({problem.strerror})", "let everybody read it")
        return None
