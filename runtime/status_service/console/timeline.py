"""Lays the runs of a batch out on the slots of nodes, as they filled them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_JOBS = 500
WIDTH = 1000.0
LEAST_WIDTH = 1.5


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A run, from ``x`` on the line, which is WIDTH wide."""

    x: float
    width: float
    state: str
    job: str
    run: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A slot of a node, which has one run at a time."""

    node: str
    bars: list[Bar]


Run = Mapping[str, Any]


def extent(runs: Sequence[Run]) -> tuple[float, float] | None:
    """The first start and the last end."""
    times = [(run["started"], run["ended"] or time.time()) for run in runs]
    return (min(start for start, _ in times), max(end for _, end in times)) if times else None


def lanes(runs: Sequence[Run]) -> list[Lane]:
    """Each run in the first slot of its node that is free when it starts. RUNS are in order of start."""
    whole = extent(runs)
    if whole is None:
        return []
    first, last = whole
    scale = WIDTH / max(last - first, 1.0)
    made: dict[str, list[tuple[Lane, float]]] = {}
    for run in runs:
        node, end = run["node"] or "?", run["ended"] or last
        slots = made.setdefault(node, [])
        free = next((n for n, (_, busy_until) in enumerate(slots) if busy_until <= run["started"]), None)
        lane = slots[free][0] if free is not None else Lane(node=node, bars=[])
        lane.bars.append(
            Bar(
                x=round((run["started"] - first) * scale, 1),
                width=round(max(LEAST_WIDTH, (end - run["started"]) * scale), 1),
                state=run["state"],
                job=run["job"],
                run=run["run"],
                seconds=end - run["started"],
            )
        )
        if free is not None:
            slots[free] = (lane, end)
        else:
            slots.append((lane, end))
    return [lane for node in sorted(made) for lane, _ in made[node]]
