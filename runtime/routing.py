"""Where a workflow instance is: clients reach any container, and each Workflow Manager knows its own only.

The ledger says which container began a run, so a call about the run can be passed on to that one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import entries
from runtime.journal import SIBLING
from runtime.ledger import JOINT
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
    sibling = SIBLING.fullmatch(instance)
    for run in (instance, *(sibling.groups() if sibling else ())):
        job = run.partition(JOINT)[0]
        if SAFE_ID.fullmatch(job):
            for entry in _entries(ledger, job):
                if entry.get("id") == run and entry.get("gateway"):
                    return Place(node=entry["node"], gateway=entry["gateway"])
    return None


def _entries(ledger: Path, job: str) -> Iterator[entries.Entry]:
    for folder in ledger.glob(f"[!.]*/{job}"):
        yield from entries.read_all(folder)
