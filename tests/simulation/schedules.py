"""Schedules drawn from a seed: what the cluster is like, what users do, what goes wrong."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from runtime.actions.edits import Edit
from runtime.messaging.topology import DELIVERY_LIMIT, MOST_RETURNS
from tests.simulation.faults import DrawnFaults
from tests.simulation.workflow_manager import PLANS
from tests.simulation.world import World

WINDOW = 500.0
MEMORY = Path("/dev/shm")


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder in memory, where there is such a file system."""
    made = Path(tempfile.mkdtemp(prefix="simulation-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Schedule:
    """The schedule of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"story {seed}")
        self._seed = seed

    def run(self) -> World:
        """Live through it; raises Violation, or whatever the runtime has not caught."""
        draw = self._random
        with folder() as place:
            self.world = world = World(
                place,
                DrawnFaults(self._seed, window=WINDOW),
                workers=draw.choice((1, 2, 2, 2, 3)),
                max_workflows=draw.choice((1, 2, 2, 3)),
                max_attempts=draw.choice((1, 2, 3)),
                job_timeout=draw.choice((45, 100)),
            )
            world.stamps = draw.random() < 0.8
            world.clients_transfer = draw.random() < 0.7
            world.delivery_limit = draw.choice((DELIVERY_LIMIT, DELIVERY_LIMIT, 3))
            world.foreign = world.delivery_limit == DELIVERY_LIMIT and draw.random() < 0.2
            world.most_returns = draw.choice((MOST_RETURNS, 1, 2))
            with world:
                world.run(self._story)
        return world

    async def _story(self, world: World) -> None:
        """Users send jobs, some twice and some without an id. An operator cancels and redrives."""
        draw = self._random
        some = [f"job-{number}" for number in range(draw.choice((1, 2, 4, 7)))]
        deeds: list[Callable[[], None]] = [partial(self._send, world, job) for job in some]
        others: tuple[tuple[Callable[[], None], int], ...] = (
            (lambda: world.send(None, self._plan()), 2),
            (lambda: world.send_again(draw.choice(some)), 2),
            (world.redrive, 2),
            (lambda: world.redrive(self._edit()), 2),
            (world.send_poison, 1),
            (lambda: world.cancel(draw.choice(some)), 1),
            (lambda: world.cancel_batch("batch"), 1),
            (world.pause, 2),
            (world.resume, 2),
        )
        for deed, most in others:
            deeds += [deed] * max(0, draw.randint(-1, most))
        moments = sorted(draw.uniform(0, WINDOW * draw.choice((0.1, 0.5, 0.9))) for _ in deeds)
        before = 0.0
        for moment, deed in zip(moments, deeds, strict=True):
            await asyncio.sleep(moment - before)
            before = moment
            deed()
        await asyncio.sleep(WINDOW - before)

    def _send(self, world: World, job: str) -> None:
        world.send(job, self._plan(), batch=self._random.choice((None, "batch")))

    def _edit(self) -> Edit:
        """One that mends the job, perhaps, or takes a former one back."""
        return Edit(set={"Plan": self._plan(), "Edit": self._random.choice("ab")})

    def _plan(self) -> str:
        draw = self._random
        return " ".join(draw.choice((*PLANS, "ok", "ok", "ok")) for _ in range(draw.choice((1, 2, 3))))
