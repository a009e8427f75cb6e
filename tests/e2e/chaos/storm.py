"""Jobs while faults strike and users act: when each fault strikes, and how long recovery takes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from runtime import names
from testing.cluster import Cluster, finish
from testing.waiting import until
from tests.e2e.chaos import account
from tests.e2e.chaos.mix import EVENT, Mix, Sizes
from tests.e2e.chaos.places import rabbitmq
from tests.e2e.chaos.troubles import Trouble
from tests.e2e.chaos.users import Users

GAP_SECONDS = (1.0, 5.0)  # between a recovery and the next trouble
RECOVERY_TIMEOUT = 300  # seconds
# Asks the Workflow Managers of a node, each by its own port and by its gateway's.
ANSWERS = (
    f"for each in $(docker ps -q --filter name={names.WMGR_SERVICE}); do "
    "docker exec $each oodt-health wmgr && echo answers; done; true"
)


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
    """``seed`` decides everything except the cluster's own pace.

    ``acting`` is about how many seconds users take for what they do.
    """

    seed: int
    sizes: Sizes
    troubles: Sequence[Trouble]
    redrives: int = 0
    acting: float

    def over(self, cluster: Cluster, folder: Path) -> dict[str, Any]:
        """Run the jobs under the troubles, and check all that the cluster has recorded afterwards."""
        print(f"\nchaos: {self.sizes.jobs} jobs, CHAOS_SEED={self.seed}", flush=True)
        chance = Random(self.seed)
        mix = Mix.draw(chance, self.sizes, seed=self.seed)
        users = Users(cluster, mix, Random(f"users {self.seed}"), folder, redrives=self.redrives)
        before = account.State.of(cluster, folder)
        users.prepare()
        run = users.submit(mix.batch(), "--wait")
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(1) as aside:
                acting = aside.submit(users.act, self.acting)
                struck = (
                    self._strike(cluster, run, trouble, chance, began)
                    for trouble in chance.sample(self.troubles, len(self.troubles))
                )
                strikes = list(filter(None, struck))
                acting.result()
            assert strikes, "the jobs had ended before the first trouble"
            report = finish(run, RECOVERY_TIMEOUT + self.sizes.jobs * self.sizes.seconds[1] / 2)
        except subprocess.TimeoutExpired:
            known = cluster.command("runtime.status", "--batch", mix.name)
            raise AssertionError(f"jobs are missing: {known}; messages: {account.left(cluster)}") from None
        finally:
            run.kill()
        summary = {key: value for key, value in report.items() if key != "jobs"}
        print(f"chaos: {json.dumps(summary)}", flush=True)
        self._settle(cluster, mix, users)
        counted = account.check(cluster, mix, users, before, folder)
        print(f"chaos: {json.dumps(counted)}", flush=True)
        return {"seed": self.seed, **summary, **counted, "strikes": [asdict(strike) for strike in strikes]}

    def _settle(self, cluster: Cluster, mix: Mix, users: Users) -> None:
        """Wait until no job is left to run. Unprovided jobs that are dead are redriven once more."""

        def wait() -> None:
            try:
                until(lambda: account.idle(cluster), seconds=RECOVERY_TIMEOUT, what="the end of all jobs")
            except AssertionError as error:
                raise AssertionError(f"{error}: {account.left(cluster)}") from None

        wait()
        if unprovided := mix.batch("unprovided"):
            users.redrive("--batch", unprovided[0].batch)
            wait()

    def _strike(
        self,
        cluster: Cluster,
        run: subprocess.Popen[str],
        trouble: Trouble,
        chance: Random,
        began: float,
    ) -> Strike | None:
        """None where the jobs have ended before it: on a busy machine each recovery takes longer."""
        time.sleep(chance.uniform(*GAP_SECONDS))
        if run.poll() is not None:
            return None
        struck = time.monotonic()
        hit = trouble.strike(cluster, chance)
        over = time.monotonic()
        until(lambda: whole(cluster), seconds=RECOVERY_TIMEOUT, what=f"recovery after: {trouble.name}")
        strike = Strike(
            trouble=trouble.name,
            hit=hit,
            at=struck - began,
            lasted=over - struck,
            recovery=time.monotonic() - over,
        )
        print(strike, flush=True)
        return strike


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
    if len([row for row in consumers if row["queue_name"] == EVENT]) != wanted:
        return False
    nodes = set(cluster.tasks(names.WMGR_SERVICE).values())
    return sum(cluster.on_node(node, ANSWERS).count("answers") for node in nodes) == wanted
