"""Rules for the paths that a workflow's files name, as a container sees them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from runtime.policy.documents import Element
from runtime.policy.findings import Report
from runtime.policy.placeholders import UNKNOWN
from runtime.policy.places import Places, locate


class Paths:
    """The paths of one workflow, which may lead into the folders of all of them."""

    def __init__(self, folders: Sequence[Places], places: Places, report: Report) -> None:
        self._folders, self._places, self._report = folders, places, report

    def file(self, at: Element, what: str, path: str | None) -> Path | None:
        """The file in a folder that PATH leads to. It is reported if there is none."""
        if path is None or UNKNOWN in path:
            return None
        if not path.startswith("/"):
            problem = f"{what} is {path}, which does not begin with /: OODT does not find it"
            self._report.error(at, problem, f"write [OODT_CONFIG]/{self._places.name}/pge-configs/...")
            return None
        where, file = locate(path, self._folders)
        if where == "folder" and file and file.is_file():
            return file
        if where == "elsewhere" and not self._places.own_image:
            problem = f"{what} is {path}, which is not in this folder"
            self._report.warn(at, problem, "see that the image has it")
        elif where in ("folder", "absent"):
            self._report.error(at, f"{what} is {path}, and there is no such file", self._meant(file))
        return None

    def writable(self, at: Element, attribute: str, path: str | None) -> None:
        """Report a path where a container cannot make files."""
        if path and locate(path, self._folders)[0] in ("folder", "absent"):
            shown = path.replace(UNKNOWN, "...")
            problem = f"{attribute} of <{at.tag}> is {shown}, where a container cannot write"
            self._report.error(at, problem, f"use a folder below [OODT_HOME]/pges/{self._places.name}/jobs")

    def _meant(self, file: Path | None) -> str:
        if file is None:
            return (
                f"this workflow's files are in [OODT_CONFIG]/{self._places.name}/pge-configs in a container"
            )
        near = difflib.get_close_matches(file.name, [each.name for each in file.parent.glob("*")], n=1)
        return f"did you mean {near[0]}?" if near else f"make {file}"
