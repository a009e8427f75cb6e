"""Checks the operator's folder of a workflow before anything is declared.

Files that are missing or cannot be read would otherwise show late: containers would not start, or jobs would
fail.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from runtime.policy import checks
from runtime.policy.documents import Element, Unreadable, parse
from runtime.policy.places import PARTS, NoWorkflow, Places
from runtime.policy.places import find as find_places
from runtime.workflow_copy import UncopiedError, files

XML_PARTS = ("policy", "pge-configs")
DOCKERFILE = "Dockerfile"
STAGE = re.compile(r"^\s*FROM\s+(?:--\S+\s+)?(\S+)", re.IGNORECASE | re.MULTILINE)


class WorkflowFolderError(ValueError):
    """A folder that is no workflow; ``fix`` is what to do, empty if another folder must be named."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.fix = fix


def find(root: Path, text: str) -> Path:
    """The folder NAME/ of the workflow that an operator names, which has all parts and can be copied.

    In the original's layout it is workflows/NAME/, and its programs are in pges/NAME/. The folder around both
    may be named too if it has one workflow. Raises WorkflowFolderError.
    """
    try:
        folder = (root / Path(text).expanduser()).resolve()
        found = find_places(folder)
    except NoWorkflow:
        found = [Places.of(folder)]
    except (OSError, RuntimeError, ValueError) as problem:  # an unknown user, a name that is too long, a loop
        reason = getattr(problem, "strerror", None) or problem
        raise WorkflowFolderError(f"it cannot name a folder ({reason}).") from None
    if len(found) > 1:
        named = ", ".join(str(each.folder) for each in found)
        raise WorkflowFolderError(f"it has several workflows: {named}.", "name one of these folders")
    [workflow] = found
    if missing := [part for part in PARTS if not workflow.part(part).is_dir()]:
        raise WorkflowFolderError(
            f"{workflow.part(missing[0])} is not a folder; a workflow has {', '.join(PARTS)}."
        )
    try:
        for _ in files([workflow.folder], PARTS):
            pass  # all of it can be copied
    except UncopiedError as problem:
        raise WorkflowFolderError(str(problem), "mend or remove it, then type: pulumi up") from None
    _check_dockerfile(workflow.folder / DOCKERFILE)
    return workflow.folder


def _check_dockerfile(file: Path) -> None:
    try:
        stages = STAGE.findall(file.read_text(errors="replace")) if file.is_file() else ["${OODT}"]
    except OSError as problem:
        raise WorkflowFolderError(f"{file} cannot be read ({problem.strerror}).") from None
    if not stages or stages[-1] not in ("${OODT}", "$OODT"):
        raise WorkflowFolderError(
            f"{file} does not begin with the cluster's image, which runs its Workflow Managers.",
            "write `ARG OODT` and `FROM ${OODT}` (in several stages: the last one)",
        )


def events_of(folder: Path) -> list[str]:
    """The events of the workflow's policy, if all files that OODT reads as XML are well-formed.

    Raises WorkflowFolderError.
    """
    workflow = Places.of(folder)
    for part in XML_PARTS:
        for file in sorted(workflow.part(part).glob("*.xml")):
            if file.is_file() and not file.name.startswith("."):
                _root(file)
    return [event["name"] for event in _root(workflow.policy / "events.xml").all("event")]


def check(workflows: Sequence[Places], events: Collection[str]) -> list[str]:
    """What may be wrong with the workflows of EVENTS. Raises WorkflowFolderError with what certainly is."""
    found = checks.check(workflows, events=events)
    errors = [str(each) for each in found if each.severity == "error"]
    if errors:
        raise WorkflowFolderError("\n".join(["the workflows cannot run as they are:", *errors]))
    return [str(each) for each in found]


def _root(file: Path) -> Element:
    try:
        return parse(file)
    except OSError as problem:
        raise WorkflowFolderError(f"{file} cannot be read ({problem.strerror}).") from None
    except Unreadable as problem:
        raise WorkflowFolderError(
            f"{file}, line {problem.line}: this is no XML that can be read ({problem}).",
            "mend the file, then type: pulumi up",
        ) from None
