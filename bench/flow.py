"""Many jobs of 0 s through one worker: throughput and memory as the number of finished jobs grows."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import linear_regression

from bench.cluster import Cluster
from bench.measurement import Measurement
from runtime.messaging.announcements import StateChange
from testing.waiting import until

WINDOW = 100
TENTH_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Figures, the jobs in the order of their ends, the time that they took, processor time of one."""

    figures: list[Measurement]
    ended: list[StateChange]
    elapsed: float
    cpu: dict[str, float]


def measure(cluster: Cluster, *, jobs: int) -> Flow:
    """Memory at the end is compared with memory after a tenth of the jobs."""
    [node] = cluster.nodes
    before, cpu_before = len(cluster.ended), cluster.cpu_seconds()
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(cluster.run, jobs=jobs, seconds=0)
        until(lambda: len(cluster.ended) >= before + jobs // 10, seconds=TENTH_SECONDS, what="a tenth")
        early = cluster.resident(node)
        elapsed, ended = batch.result()
    cpu = {part: (used - cpu_before[part]) / jobs for part, used in cluster.cpu_seconds().items()}
    late = cluster.resident(node)
    at_end = rate(ended[-3 * WINDOW :])
    name = "jobs a second through one WM, tasks of 0 s"
    figures = [
        Measurement(
            name=name,
            unit="jobs/s",
            values=(at_end,),
            limit=8,
            direction="at least",
            note=f"the last of {jobs:,}",
        ),
        Measurement(
            name=f"the same, against that at the {WINDOW}th job",
            unit="x",
            values=(trend(ended, WINDOW, jobs),),
            limit=1,
            direction="at least",
            note="by a straight line through all stretches",
        ),
    ]
    for part, memory in late.items():
        figures.append(
            Measurement(
                name=f"memory of the {part} after {jobs:,} jobs, against {jobs // 10:,}",
                unit="x",
                values=(memory / early[part],),
                limit=1.1,
                note=f"{memory:.0f} MiB",
            )
        )
    for part, used in cpu.items():
        figures.append(Measurement(name=f"processor time of one job: {part}", unit="core-s", values=(used,)))
    return Flow(figures=figures, ended=ended, elapsed=elapsed, cpu=cpu)


def rate(ended: list[StateChange]) -> float:
    """Jobs a second over a stretch of jobs that ended one after another."""
    times = sorted(change.ended or 0 for change in ended)
    return (len(times) - 1) / (times[-1] - times[0])


def trend(ended: list[StateChange], early: int, late: int) -> float:
    """The rate at the LATE-th job divided by that at the EARLY-th, on a straight line through all stretches.

    Two stretches alone say less, since the rate varies by a tenth from one stretch to the next. The jobs are
    in the order of their ends.
    """
    starts = range(0, len(ended) - WINDOW + 1, WINDOW)
    rates = [rate(ended[start : start + WINDOW]) for start in starts]
    slope, at_zero = linear_regression([start + WINDOW / 2 for start in starts], rates)
    return (at_zero + slope * late) / (at_zero + slope * early)
