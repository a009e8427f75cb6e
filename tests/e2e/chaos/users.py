"""What users do in a storm: they send, cancel and redrive jobs, and provide a program that was missing.

What is refused because something is away is tried again, as a user would.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from runtime import names
from runtime.messaging.blocking import FAILURES, connection, publish
from services.containers import JOBS
from testing.cluster import COMMAND_TIMEOUT, Cluster
from tests.e2e.chaos.mix import DYING_EVENT, EVENT, UNPROVIDED, Mix, Sent
from tests.e2e.chaos.places import SHARE

PATIENCE = 300  # seconds; a cluster may take so long to recover
PAUSE = 2  # seconds before another try
PROGRAMS = f"{UNPROVIDED.replace(JOBS, f'{SHARE}/jobs', 1)}/pges/{EVENT}"
PROGRAM = f"$(ls -d {SHARE}/config/workflows-*/pges/{EVENT}/pge.py | tail -n 1)"
# Exit codes of the commands: what they did, and that some jobs were of another state than was asked for.
DONE = (0, 1)


class Users:
    """Their deeds, in an order drawn by chance."""

    def __init__(self, cluster: Cluster, mix: Mix, chance: Random, folder: Path, *, redrives: int) -> None:
        self._cluster = cluster
        self._mix = mix
        self._folder = folder
        self._chance = chance
        self.done: Counter[str] = Counter()
        self.published: Counter[bytes] = Counter()  # messages without an id that the broker has confirmed
        self._deeds: list[Callable[[], None]] = [
            *(partial(self._cancel, job.event, "--job", job.id) for job in mix.cancelled),
            *(partial(self._publish, body) for body in mix.nameless),
            *[partial(self.redrive, "--all")] * redrives,
        ]
        if called_off := mix.batch("called-off"):
            self._deeds.append(partial(self._cancel, EVENT, "--batch", called_off[0].batch))
        chance.shuffle(self._deeds)
        if mix.batch("unprovided"):
            middle = range(len(self._deeds) // 3, 2 * len(self._deeds) // 3)
            self._deeds.insert(chance.choice(middle), self._provide)

    def submit(self, jobs: list[Sent], *options: str) -> subprocess.Popen[str]:
        """Begin to submit the jobs of a batch."""
        first = jobs[0]
        file = self._folder / f"{first.batch}.jsonl"
        file.write_text("".join(f"{json.dumps(job.metadata)}\n" for job in jobs))
        what = ("--event", first.event, "--batch", str(file), "--batch-id", first.batch)
        return self._cluster.start("runtime.submit", *what, *options, "--json")

    def prepare(self) -> None:
        """Send the batches that nobody waits for, and make the folder of the program that is missing."""
        self._cluster.manager(f"mkdir -p {PROGRAMS} && chmod -R a+rwX {PROGRAMS}")
        for kind in ("called-off", "hopeless", "given-up", "unprovided", "late"):
            if jobs := self._mix.batch(kind):
                out, err = self.submit(jobs).communicate(timeout=COMMAND_TIMEOUT)
                assert json.loads(out)["submitted"] == len(jobs), f"{out}\n{err}"

    def act(self, seconds: float) -> None:
        """Do everything, which takes about so many seconds or longer."""
        for deed in self._deeds:
            time.sleep(self._chance.uniform(0, 2 * seconds / len(self._deeds)))
            deed()

    def redrive(self, *which: str) -> None:
        """Redrive dead jobs of the event whose jobs die soon."""
        report = self._persist("runtime.redrive", "--event", DYING_EVENT, *which)
        self.done["jobs redriven"] += len(report["jobs"])

    def _cancel(self, event: str, option: str, name: str) -> None:
        self._persist("runtime.cancel", option, name, "--event", event)
        self.done[f"cancel {option}"] += 1

    def _provide(self) -> None:
        self._cluster.manager(f"cp {PROGRAM} {PROGRAMS}")
        self.done["program provided"] += 1

    def _publish(self, body: bytes) -> None:
        for _ in self._tries(f"messages to be taken: {self.done}"):
            # Without a confirm nobody knows whether the broker has the message: then there may be two of it.
            with (
                contextlib.suppress(*FAILURES),
                connection(self._cluster.output("rabbitmq_user_url"), name="chaos") as (_, sending),
            ):
                publish(sending, names.EXCHANGE, EVENT, body)
                self.published[body] += 1
                self.done["messages without an id"] += 1
                return

    def _persist(self, module: str, *arguments: str) -> dict[str, list[str]]:
        """What a command reports that is given until it is carried out."""
        for _ in self._tries(f"{module} {' '.join(arguments)}"):
            process = self._cluster.start(module, *arguments, "--json")
            try:
                out, _err = process.communicate(timeout=COMMAND_TIMEOUT)
            finally:
                process.kill()
            if process.returncode in DONE:
                report: dict[str, list[str]] = json.loads(out)
                return report
        raise AssertionError("unreachable")

    def _tries(self, what: str) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            yield
            time.sleep(PAUSE)
        raise AssertionError(f"waited {PATIENCE} s for {what}")
