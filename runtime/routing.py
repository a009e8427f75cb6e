"""Where a workflow instance is: clients reach any container, and each Workflow Manager knows its own only.

The ledger says which container began a run, so a call about the run can be passed on to that one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import entries
from runtime.journal import SIBLING
from runtime.messages import SAFE_ID

INSTANCE_CALLS = frozenset(
    f"workflowmgr.{method}"
    for method in (
        "getWorkflowInstanceById",
        "getWorkflowInstanceMetadata",
        "getWorkflowWallClockMinutes",
        "getWorkflowCurrentTaskWallClockMinutes",
        "stopWorkflowInstance",
        "pauseWorkflowInstance",
        "resumeWorkflowInstance",
        "updateMetadataForWorkflow",
        "updateWorkflowInstance",
        "updateWorkflowInstanceStatus",
        "setWorkflowInstanceCurrentTaskStartDateTime",
        "setWorkflowInstanceCurrentTaskEndDateTime",
    )
)
LATER_RUN = re.compile(r"(.+)-([1-9][0-9]{0,5})")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The container that began a run: its node, and its gateway's address."""

    node: str
    gateway: str


def instance_of(params: tuple[Any, ...]) -> str | None:
    """The workflow instance that a call is about; None if the call is malformed."""
    first = params[0] if params else None
    instance = first.get("id") if isinstance(first, dict) else first
    return instance if isinstance(instance, str) and instance else None


def place_of(ledger: Path, instance: str) -> Place | None:
    """Where the instance is; None if it is no run of a job. May block on the shared disk."""
    for job, number in _runs(instance):
        for folder in ledger.glob(f"[!.]*/{job}"):
            for entry in entries.read_all(folder):
                if entry["kind"] == "run" and entry["run"] == number and entry.get("gateway"):
                    return Place(node=entry["node"], gateway=entry["gateway"])
    return None


def _runs(instance: str) -> Iterator[tuple[str, int]]:
    """The runs, as job and number, that it may belong to: a job's id may end like that of a later run."""
    sibling = SIBLING.fullmatch(instance)
    run = sibling.group(1) if sibling else instance
    if not SAFE_ID.fullmatch(run):
        return
    yield run, 1
    if later := LATER_RUN.fullmatch(run):
        yield later.group(1), int(later.group(2))
