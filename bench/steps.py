"""Where the time of one job goes: the steps in the journals of jobs with programs of 0 s."""

import statistics
import uuid
from collections import defaultdict
from typing import Any

from bench.cluster import EVENT, Cluster
from testing.oodt import METADATA, Line, wait_for

STATUSES = {
    "STARTED": "task begins",
    "PGETask_Building_Config_File": "configuration read",
    "PGETask_Running": "program starts",
    "PGETask_Crawling": "program has ended (bash and Python started, a file of 1 MiB written)",
    "FINISHED": "job ends",
}
KINDS = {
    "ingest": "product in the catalogue",
    "received": "file in the archive, its references and state in the catalogue",
    "task-ended": "crawler has ended",
}


def measure(cluster: Cluster, *, jobs: int = 20) -> dict[str, float]:
    """Medians of the milliseconds between each step and the one before it, both tasks together."""
    manager: Any = cluster.nodes[0].server(8001)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(jobs):
        run = f"steps-{uuid.uuid4().hex[:8]}"
        manager.workflowmgr.handleEvent(EVENT, METADATA | {"JobKey": run})
        for step, seconds in _steps(wait_for(cluster.nodes[0], run)).items():
            taken[step].append(1000 * seconds)
    return {step: round(statistics.median(values), 1) for step, values in taken.items()}


def _steps(lines: list[Line]) -> dict[str, float]:
    steps: dict[str, float] = defaultdict(float)
    before = lines[0]["at"]
    for line in lines:
        step = STATUSES.get(str(line.get("status"))) or KINDS.get(line["kind"])
        if step:
            steps[step] += line["at"] - before
            before = line["at"]
    return steps
