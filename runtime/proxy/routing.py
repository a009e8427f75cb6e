"""Where a workflow instance is: clients reach any container, a Workflow Manager knows its own instances only.

The ledger says which container began a run, so a call about the run can be passed on to that container. An
instance that was started directly is known to its own Workflow Manager alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from runtime import names
from runtime.oodt import xml_rpc
from runtime.records import entries
from runtime.records.journal import SIBLING
from runtime.records.ledger import JOINT

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
PROBE_SECONDS = 10.0


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
        if names.SAFE_ID.fullmatch(job):
            for entry in _entries(ledger, job):
                if entry.get("id") == run and entry.get("gateway"):
                    return Place(node=entry["node"], gateway=entry["gateway"])
    return None


def _entries(ledger: Path, job: str) -> Iterator[entries.Entry]:
    for folder in ledger.glob(f"[!.]*/{job}"):
        yield from entries.read_all(folder)


async def is_known(client: aiohttp.ClientSession, url: str, instance: str) -> bool:
    """Whether this Workflow Manager has the instance. True also if it does not answer: the call will say so.

    OODT reports success when it is told to stop an instance that it does not have. But an instance has
    metadata unless a client has emptied it, and for one that it does not have OODT fails to make the
    structure.
    """
    for method in ("getWorkflowInstanceMetadata", "getWorkflowInstanceById"):
        try:
            if await xml_rpc.call(client, url, f"workflowmgr.{method}", instance, seconds=PROBE_SECONDS):
                return True
        except xml_rpc.Fault:
            continue
        except ConnectionError:
            return True
    return False


def unknown(instance: str, node: str) -> str:
    """The answer about an instance that is neither here nor a run in the ledger."""
    return (
        f"workflow instance {instance} is not known here: node {node} does not have it (any more), and it is "
        "no run of a job. Ask the Workflow Manager that ran it, as each knows its own instances only. What "
        "became of jobs is told by `python -m runtime.status`"
    )
