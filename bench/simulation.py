"""What a large cluster would do: a queueing model that is fed with the measured needs of one job.

    python -m bench.simulation RESULTS [--workers 100] [--slots 4] [--jobs 1000000] [--seconds 60]

Run with the peers' Python. The model is first compared with what was measured, then it projects. A job takes
processor time of its node, works, writes to the share, and is ingested by the one File Manager.
"""

import argparse
import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import simpy

TASKS = 2
SIMULATED = 40  # jobs a slot: enough for a steady state, from which a batch of any size is projected
JOB_BYTES = 2 * TASKS * 2**20  # each task writes a file of 1 MiB, which is copied into the archive
BROKER_MESSAGES = 3  # of a job: its message and its two state changes

# Of infra/aws: t2.2xlarge as in Pulumi.aws.yaml, one worker container a node; list prices of us-east-1.
NODE_CORES = 8
NODE_HOUR = 0.3712 + 0.005  # USD, with its public address
SHARE_BYTES_A_SECOND = (
    2**30
)  # what EFS writes with elastic throughput, all nodes together; ask for your quota
SHARE_GIB_WRITTEN = 0.06  # USD


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job's needs: seconds of processor, of waiting, of work, and bytes."""

    worker_cpu: float
    filemgr_cpu: float
    broker_cpu: float
    waiting: float
    seconds: float
    bytes: float


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the jobs run. ``shared_cores``: workers and services share one machine's processors."""

    workers: int
    slots: int
    cores: int
    shared_cores: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run: its length, and the busy share of each part."""

    jobs: int
    elapsed: float
    filemgr: float
    share: float
    nodes: float

    @property
    def rate(self) -> float:
        return self.jobs / self.elapsed


class Busy:
    """A resource, and how long its servers were busy."""

    def __init__(self, env: simpy.Environment, servers: int) -> None:
        self.env, self.servers, self.busy = env, servers, 0.0
        self.resource = simpy.Resource(env, servers)

    def use(self, seconds: float) -> Generator[Any, Any, None]:
        with self.resource.request() as turn:
            yield turn
            yield self.env.timeout(seconds)
        self.busy += seconds

    def utilisation(self) -> float:
        return self.busy / (self.servers * float(self.env.now))


def simulate(site: Site, job: Job, jobs: int) -> Outcome:
    env = simpy.Environment()
    manager = Busy(env, site.cores)
    nodes = [manager if site.shared_cores else Busy(env, site.cores) for _ in range(site.workers)]
    filemgr, share = Busy(env, 1), Busy(env, 1)
    left = iter(range(jobs))

    def ingest() -> Generator[Any, Any, None]:
        # OODT's File Manager catalogues one product at a time.
        with filemgr.resource.request() as turn:
            yield turn
            yield from manager.use(job.filemgr_cpu / TASKS)
        filemgr.busy += job.filemgr_cpu / TASKS

    def slot(node: Busy) -> Generator[Any, Any, None]:
        for _ in left:
            yield from manager.use(job.broker_cpu)
            for _ in range(TASKS):
                yield from node.use(job.worker_cpu / TASKS)
                yield env.timeout(job.seconds + job.waiting / TASKS)
                yield from share.use(job.bytes / TASKS / SHARE_BYTES_A_SECOND)
                yield from ingest()

    for node in nodes:
        for _ in range(site.slots):
            env.process(slot(node))
    env.run()
    return Outcome(
        jobs=jobs,
        elapsed=env.now,
        filemgr=filemgr.utilisation(),
        share=share.utilisation(),
        nodes=sum(node.utilisation() for node in nodes) / len(nodes),
    )


def first_to_break(site: Site, job: Job) -> tuple[str, float]:
    """The part that limits the cluster first as workers are added, and the number of workers then."""
    rate_of_a_worker = site.slots / (TASKS * job.seconds + job.worker_cpu + job.filemgr_cpu + job.waiting)
    limits = {
        "the File Manager's ingest": 1 / job.filemgr_cpu,
        "the manager's processors": site.cores / (job.filemgr_cpu + job.broker_cpu),
        "writes to the share": SHARE_BYTES_A_SECOND / job.bytes,
    }
    name = min(limits, key=lambda each: limits[each])
    return name, limits[name] / rate_of_a_worker


def measured(results: dict[str, Any]) -> Job:
    """A job with tasks of 0 s. The part of its overhead that is not processor time is waiting time."""
    cpu = results["flow"]["cpu"]
    return Job(
        worker_cpu=cpu["worker"],
        filemgr_cpu=cpu["filemgr"],
        broker_cpu=cpu["broker"],
        waiting=max(0, results["batch"]["overhead"] - sum(cpu.values())),
        seconds=0,
        bytes=JOB_BYTES,
    )


def report(results: dict[str, Any], site: Site, seconds: float, jobs: int) -> str:
    job = measured(results)
    lines = ["| measured case | measured | model | model / measured |", "|---|---|---|---|"]
    for case in (results["batch"]["case"], results["flow"]["case"]):
        small = Site(
            workers=case["workers"], slots=case["slots"], cores=results["flow"]["cores"], shared_cores=True
        )
        outcome = simulate(small, replace(job, seconds=case["seconds"]), case["jobs"])
        work = f"{case['jobs']:,} jobs of {TASKS} x {case['seconds']:g} s"
        name = f"{work} on {case['workers']} x {case['slots']} slots"
        ratio = outcome.elapsed / case["elapsed"]
        lines.append(f"| {name} | {case['elapsed']:.1f} s | {outcome.elapsed:.1f} s | {ratio:.2f} |")
    job = replace(job, seconds=seconds)
    outcome = simulate(site, job, SIMULATED * site.workers * site.slots)
    hours = jobs / outcome.rate / 3600
    written = jobs * job.bytes / 2**30
    dollars = hours * (site.workers + 1) * NODE_HOUR, written * SHARE_GIB_WRITTEN
    name, workers = first_to_break(site, job)
    lines += [
        "",
        f"{jobs:,} jobs of {TASKS} tasks of {seconds:g} s on {site.workers} workers x {site.slots} slots:",
        "",
        f"- {outcome.rate:.1f} jobs/s, {hours:.1f} hours",
        f"- the File Manager is busy for {100 * outcome.filemgr:.0f} % of the time;"
        f" it can ingest the products of {1 / job.filemgr_cpu:.0f} jobs/s",
        f"- the broker takes {BROKER_MESSAGES * outcome.rate:.0f} messages/s",
        f"- the share takes {outcome.rate * job.bytes / 2**20:.0f} MiB/s,"
        f" {100 * outcome.share:.0f} % of its limit",
        f"- {dollars[0]:,.0f} USD for {site.workers + 1} nodes,"
        f" {dollars[1]:,.0f} USD for {written:,.0f} GiB written",
        f"- first to break: {name}, at {workers:,.0f} workers",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60, help="how long each task works")
    options = parser.parse_args()
    site = Site(workers=options.workers, slots=options.slots, cores=NODE_CORES, shared_cores=False)
    print(report(json.loads(options.results.read_text()), site, options.seconds, options.jobs))


if __name__ == "__main__":
    main()
