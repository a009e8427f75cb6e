"""Draws what was measured: `python -m bench.pictures RESULTS FOLDER`, with the peers' Python."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "bench"

WINDOW = 100
Spans = list[dict[str, Any]]


def throughput(spans: Spans, file: Path) -> None:
    """Jobs a second over the last WINDOW jobs, by the number of finished jobs and of queued jobs."""
    ended = sorted(span["ended"] for span in spans)
    finished = range(WINDOW, len(ended))
    rates = [WINDOW / (ended[number] - ended[number - WINDOW]) for number in finished]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.5), sharey=True)
    axes[0].plot(finished, rates)
    axes[0].set(xlabel="jobs finished", ylabel="jobs a second", ylim=(0, None))
    axes[1].plot([len(ended) - number for number in finished], rates)
    axes[1].set(xlabel="jobs not finished yet")
    figure.suptitle("One Workflow Manager, 4 slots, tasks of 0 s")
    _save(figure, file)


def timeline(spans: Spans, file: Path) -> None:
    """When each slot of each worker had a job."""
    begin = min(span["started"] for span in spans)
    free: dict[str, list[float]] = {}
    rows: list[tuple[str, int, float, float]] = []
    for span in sorted(spans, key=lambda span: span["started"]):
        slots = free.setdefault(span["node"], [])
        slot = next((n for n, until in enumerate(slots) if until <= span["started"]), len(slots))
        slots[slot : slot + 1] = [span["ended"]]
        rows.append((span["node"], slot, span["started"] - begin, span["ended"] - span["started"]))
    labels = [f"{node} slot {slot + 1}" for node in sorted(free) for slot in range(len(free[node]))]
    figure, axes = pyplot.subplots(figsize=(10, 0.3 * len(labels) + 1.2))
    for node, slot, start, length in rows:
        axes.barh(
            labels.index(f"{node} slot {slot + 1}"), length, left=start, edgecolor="white", color="tab:blue"
        )
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="seconds", title="Slots over one batch")
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    results, folder = Path(sys.argv[1]), Path(sys.argv[2])
    rows = json.loads(results.read_text())
    if "flow" in rows:
        throughput(rows["flow"]["jobs"], folder / "throughput.svg")
    if "batch" in rows:
        timeline(rows["batch"]["jobs"], folder / "timeline.svg")


if __name__ == "__main__":
    main()
