"""Checks the operator's folder of a workflow before anything is declared.

Files that are missing or cannot be read would otherwise show late: containers would not start, or jobs would
fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

PARTS = ("policy", "pge-configs", "pges")
XML_PARTS = ("policy", "pge-configs")


class WorkflowFolderError(ValueError):
    """A folder that is no workflow; ``fix`` is what to do, empty if another folder must be named."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.fix = fix


def find(root: Path, text: str) -> Path:
    """The folder that an operator names, which has all parts of a workflow. Raises WorkflowFolderError."""
    try:
        folder = (root / Path(text).expanduser()).resolve()
        missing = [part for part in PARTS if not (folder / part).is_dir()]
    except (OSError, RuntimeError, ValueError) as problem:  # an unknown user, a name that is too long, a loop
        reason = getattr(problem, "strerror", None) or problem
        raise WorkflowFolderError(f"it cannot name a folder ({reason}).") from None
    if missing:
        raise WorkflowFolderError(
            f"{folder / missing[0]} is not a folder; a workflow has {', '.join(PARTS)}."
        )
    return folder


def events_of(folder: Path) -> list[str]:
    """The events of the workflow's policy, if all files that OODT reads as XML are well-formed.

    Raises WorkflowFolderError.
    """
    for part in XML_PARTS:
        for file in sorted((folder / part).glob("*.xml")):
            if file.is_file() and not file.name.startswith("."):
                _elements(file)
    elements = _elements(folder / "policy" / "events.xml")
    return [attributes.get("name", "") for name, attributes in elements if name == "event"]


def _elements(file: Path) -> list[tuple[str, dict[str, str]]]:
    """Names and attributes of a file's elements, without regard to namespaces, as OODT reads them."""
    found: list[tuple[str, dict[str, str]]] = []

    def note(name: str, attributes: dict[str, Any]) -> None:
        found.append((name, attributes))

    parser = ParserCreate()
    parser.StartElementHandler = note
    try:
        parser.Parse(file.read_bytes(), True)
    except OSError as problem:
        raise WorkflowFolderError(f"{file} cannot be read ({problem.strerror}).") from None
    except (ExpatError, LookupError, ValueError) as problem:  # the latter two: encodings
        reason = str(problem).partition(": line ")[0]
        raise WorkflowFolderError(
            f"{file}, line {parser.CurrentLineNumber}: this is no XML that can be read ({reason}).",
            "mend the file, then type: pulumi up",
        ) from None
    return found
