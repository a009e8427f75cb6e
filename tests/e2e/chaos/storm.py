"""Jobs while faults strike: when each strikes, how long recovery takes, and what must hold afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from runtime import names
from services.containers import ARCHIVE
from testing import oodt
from testing.cluster import Cluster, eventually, finish
from tests.e2e.chaos.troubles import SHARE, Trouble

GAP_SECONDS = (2.0, 10.0)  # between a recovery and the next trouble
RECOVERY_TIMEOUT = 300  # seconds
# Asks the Workflow Managers of a node, each by its own port and by its gateway's.
ANSWERS = (
    f"for each in $(docker ps -q --filter name={names.WMGR_SERVICE}); do "
    "docker exec $each oodt-health wmgr && echo answers; done; true"
)
FAILING = 10  # of so many jobs the second task of one fails, so that the first one's product is to be removed
COUNT_TIMEOUT = 60  # seconds until the broker has nothing to send again and has counted


@dataclass(frozen=True, kw_only=True)
class Strike:
    """One trouble: times in seconds, ``at`` since the first job was sent."""

    trouble: str
    hit: str
    at: float
    lasted: float
    recovery: float

    def __str__(self) -> str:
        return (
            f"{self.at:7.1f} s  {self.trouble} ({self.hit}): lasted {self.lasted:.1f} s, "
            f"whole again {self.recovery:.1f} s later"
        )


@dataclass(frozen=True, kw_only=True)
class Storm:
    """``seed`` decides everything except the cluster's own pace."""

    seed: int
    jobs: int
    seconds: tuple[int, int]  # shortest and longest time of a task
    troubles: Sequence[Trouble]

    def over(self, cluster: Cluster, folder: Path) -> dict[str, Any]:
        """Run the jobs under the troubles, and check products, catalogue and queues afterwards."""
        print(f"\nchaos: {self.jobs} jobs, CHAOS_SEED={self.seed}", flush=True)
        chance = Random(self.seed)
        batch = folder / "chaos.jsonl"
        batch.write_text("".join(f"{json.dumps(self._job(chance, n))}\n" for n in range(self.jobs)))
        before = State.of(cluster)
        queued = ("--batch", str(batch), "--batch-id", f"chaos-{self.seed}")
        run = cluster.start("runtime.submit", "--event", "test-workflow", *queued, "--wait", "--json")
        began = time.monotonic()
        try:
            strikes = [
                self._strike(cluster, run, trouble, chance, began)
                for trouble in chance.sample(self.troubles, len(self.troubles))
            ]
            report = finish(run, RECOVERY_TIMEOUT + self.jobs * self.seconds[1] / 2)
        except subprocess.TimeoutExpired:
            known = cluster.command("runtime.status", "--batch", f"chaos-{self.seed}")
            raise AssertionError(f"jobs are missing: {known}; messages: {left(cluster)}") from None
        finally:
            run.kill()
        summary = {key: value for key, value in report.items() if key != "jobs"}
        print(f"chaos: {json.dumps(summary)}", flush=True)
        check(cluster, report, before)
        return {"seed": self.seed, **summary, "strikes": [asdict(strike) for strike in strikes]}

    def _job(self, chance: Random, number: int) -> dict[str, Any]:
        seconds = chance.randint(*self.seconds)
        job = {"Dataset": "abc", "Project": "chaos", "Run": number + 1, "Seconds": seconds}
        return {**job, "ExitCode2": 1} if fails(number + 1) else job

    def _strike(
        self,
        cluster: Cluster,
        run: subprocess.Popen[str],
        trouble: Trouble,
        chance: Random,
        began: float,
    ) -> Strike:
        time.sleep(chance.uniform(*GAP_SECONDS))
        assert run.poll() is None, f"the jobs had ended before this came: {trouble.name}"
        struck = time.monotonic()
        hit = trouble.strike(cluster, chance)
        over = time.monotonic()
        eventually(lambda: whole(cluster), f"recovery after: {trouble.name}", RECOVERY_TIMEOUT)
        strike = Strike(
            trouble=trouble.name,
            hit=hit,
            at=struck - began,
            lasted=over - struck,
            recovery=time.monotonic() - over,
        )
        print(strike, flush=True)
        return strike


def fails(number: int) -> bool:
    """Whether the NUMBERth job of a storm is one that fails."""
    return number % FAILING == 0


def whole(cluster: Cluster) -> bool:
    """Whether every service has its containers, and each Workflow Manager container its three parts.

    The consumer is at the broker, the Workflow Manager and the gateway in front of it answer.
    """
    listed = cluster.manager("docker service ls --format '{{.Name}} {{.Replicas}}'", check=False)
    replicas = dict(line.split()[:2] for line in listed.splitlines())
    if not replicas or any(len(set(numbers.split("/"))) > 1 for numbers in replicas.values()):
        return False
    wanted = int(replicas[names.WMGR_SERVICE].partition("/")[0])
    consumers = rabbitmq(cluster, "list_consumers")
    if len([row for row in consumers if row["queue_name"] == "test-workflow"]) != wanted:
        return False
    nodes = set(cluster.tasks(names.WMGR_SERVICE).values())
    return sum(cluster.on_node(node, ANSWERS).count("answers") for node in nodes) == wanted


@dataclass(frozen=True, kw_only=True)
class State:
    """What other tests have left: products in the catalogue, and dead-lettered messages."""

    products: frozenset[str]
    dead: int

    @classmethod
    def of(cls, cluster: Cluster) -> State:
        catalogued = oodt.catalogued(cluster.output("filemgr_url"))
        return cls(
            products=frozenset(product["id"] for product, _ in catalogued),
            dead=left(cluster)[names.dead_queue("test-workflow")],
        )


def check(cluster: Cluster, report: dict[str, Any], before: State) -> None:
    """Each job has the verdict that it must have. Verdicts, catalogue and archive name the same products.

    No message is left but those of the dead jobs.
    """
    assert len(report["jobs"]) == report["submitted"]
    wrong = [job for job in report["jobs"] if job["state"] != _verdict(job["id"])]
    assert not wrong, f"wrong verdicts: {wrong}"
    catalogued = oodt.catalogued(cluster.output("filemgr_url"))
    twice = [name for name, n in Counter(product["name"] for product, _ in catalogued).items() if n > 1]
    assert not twice, f"products that are in the catalogue more than once: {twice}"
    ids = {product["id"] for product, _ in catalogued} - before.products
    dead = [job for job in report["jobs"] if job["state"] == "DEAD"]
    for job in report["jobs"]:
        expected = 0 if job in dead else 2
        assert len(job["products"]) == expected, f"products of job {job['id']}: {job['products']}"
    named = {product["id"] for job in report["jobs"] for product in job["products"]}
    assert named == ids, f"products without a verdict: {ids - named}, or without an entry: {named - ids}"
    files = Counter(cluster.products())
    files.subtract(_on_share(path) for _, paths in catalogued for path in paths)
    unequal = {path: number for path, number in files.items() if number}
    assert not unequal, f"files without a product (1), products without a file (-1): {unequal}"
    messages = Counter({names.dead_queue("test-workflow"): before.dead + len(dead)})
    try:
        eventually(lambda: left(cluster) == messages, "queues with the dead jobs only", COUNT_TIMEOUT)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left(cluster)}") from None


def _verdict(job: str) -> str:
    """The verdict that a job must have, by its number in the batch."""
    return "DEAD" if fails(int(job.rpartition(".")[2])) else "SUCCEEDED"


def left(cluster: Cluster) -> Counter[str]:
    """Messages by queue, of the queues that hold jobs."""
    rows = rabbitmq(cluster, "list_queues name messages")
    return Counter({row["name"]: row["messages"] for row in rows if row["name"].startswith("test-workflow")})


def rabbitmq(cluster: Cluster, command: str) -> list[dict[str, Any]]:
    """What rabbitmqctl answers in the broker's container; nothing while there is none."""
    container = f"$(docker ps -q --filter name={names.RABBITMQ_SERVICE})"
    line = f"docker exec {container} rabbitmqctl --quiet --formatter json {command}"
    try:
        rows: list[dict[str, Any]] = json.loads(cluster.manager(line, check=False))
    except ValueError:
        return []
    return rows


def _on_share(path: str) -> str:
    return path.replace(ARCHIVE, f"{SHARE}/archive", 1)
