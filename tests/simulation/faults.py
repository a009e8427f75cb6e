"""What goes wrong in a schedule, and when: drawn from a seed, or one fault at a given step."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.clock import Process
from tests.simulation.container import FILE_MANAGER_URL

if TYPE_CHECKING:
    from tests.simulation.world import World

# What may go wrong where the parts ask.
KINDS = (
    *("no connection", "refusal", "no confirm", "stall"),
    *("request lost", "slow answer", "answer lost", "fault before", "fault after"),
    *("slow disk", "disk failure", "lost answer of link"),
    "redrive broken off",
)
RATES = (0.0, 0.0, 0.0, 0.001, 0.005, 0.03)
FREEZE_SECONDS = 90.0
HEARTBEATS_SECONDS = 45.0
STRIKES = (0.0, 0.0, 0.0003, 0.001, 0.003)


class Faults:
    """Nothing goes wrong."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.active = True

    def begin(self, world: "World") -> None:
        """The schedule begins."""

    def end(self, world: "World") -> None:
        """From now on nothing goes wrong any more. What was broken is mended, what was paused is resumed."""
        self.active = False
        for event in world.pauses.names():
            world.pauses.resume(event)
        world.full_until = world.broken_until = 0.0
        if not world.rabbitmq.up:
            world.rabbitmq.start()
        for container in world.containers:
            container.thaw()

    def strikes(self, world: "World", process: Process, step: int) -> bool:
        """Whether something has happened to the process at this step."""
        return False

    def happens(self, world: "World", kind: str, about: str) -> bool:
        return False

    def skew(self, process: str) -> float:
        """Seconds that the clock of the process's node is ahead."""
        return 0.0


class StrikeAt(Faults):
    """Whoever takes step number STEP is killed at it, or its container is, or it freezes."""

    def __init__(self, step: int, how: str) -> None:
        super().__init__()
        self._step = step
        self._how = how

    def strikes(self, world: "World", process: Process, step: int) -> bool:
        if step != self._step or not self.active:
            return False
        if self._how == "freeze":
            freeze(world, process, seconds=FREEZE_SECONDS)
        else:
            kill(world, process, container=self._how == "container")
        return True


class FaultAt(Faults):
    """The part that asks as number NUMBER whether something goes wrong hears yes."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def happens(self, world: "World", kind: str, about: str) -> bool:
        self._left -= 1
        return self._left == 0 and self.active


class Once(Faults):
    """Goes wrong when a part asks about it for the first time, or the second."""

    def __init__(self, kind: str, about: str, *, time: int = 1) -> None:
        super().__init__()
        self._what = kind, about
        self._left = time

    def happens(self, world: "World", kind: str, about: str) -> bool:
        if (kind, about) != self._what:
            return False
        self._left -= 1
        return self._left == 0


class StrikeWhen(Faults):
    """The first process of this kind that takes a step of these words freezes at it."""

    def __init__(self, words: str, process: str, *, seconds: float) -> None:
        super().__init__()
        self._words = words
        self._process = process
        self._seconds = seconds
        self._done = False

    def strikes(self, world: "World", process: Process, step: int) -> bool:
        if self._done or not process.name.endswith(self._process) or world.trace[-1][2] != self._words:
            return False
        self._done = True
        freeze(world, process, seconds=self._seconds)
        return True


class DrawnFaults(Faults):
    """Drawn from a seed: which kinds, how often, how many at most."""

    def __init__(self, seed: int, *, window: float) -> None:
        super().__init__(seed)
        self._window = window
        self._random = random.Random(f"faults {seed}")
        self._rates = {kind: self._random.choice(RATES) for kind in KINDS}
        self._strikes = self._random.choice(STRIKES)
        self._left = self._random.choice((1, 2, 4, 8, 16))
        self._timed = self._random.choice((0, 1, 2, 4, 8))
        self._skews: dict[str, float] = {}

    def begin(self, world: "World") -> None:
        for _ in range(self._timed):
            world.later(self._random.uniform(0, self._window), self._trouble, world)

    def strikes(self, world: "World", process: Process, step: int) -> bool:
        if not self.active or self._left == 0 or self._random.random() >= self._strikes:
            return False
        self._left -= 1
        draw = self._random.random()
        if draw < 0.2 and "." in process.name:
            freeze(world, process, seconds=self._random.choice((3.0, 40.0, 90.0)))
        else:
            kill(world, process, container=draw > 0.8)
        return True

    def happens(self, world: "World", kind: str, about: str) -> bool:
        if not self.active or self._left == 0 or self._random.random() >= self._rates[kind]:
            return False
        self._left -= 1
        return True

    def skew(self, process: str) -> float:
        node = process.partition(".")[0]
        if node not in self._skews:
            self._skews[node] = self._random.uniform(-30, 30)
        return self._skews[node]

    def _trouble(self, world: "World") -> None:
        if not self.active:
            return
        troubles: tuple[Callable[[World], None], ...] = (
            self._cut,
            self._cut,
            self._stall,
            self._stall,
            self._restart_broker,
            self._kill_container,
            self._kill_process,
            self._kill_process,
            self._stop_container,
            self._freeze_some,
            self._freeze_some,
            self._kill_file_manager,
            self._fill_disk,
            self._break_disk,
        )
        self._random.choice(troubles)(world)

    def _fill_disk(self, world: "World") -> None:
        seconds = self._random.choice((1.0, 15.0, 60.0))
        world.note(f"FAULT: the share is full for {seconds:g} s")
        world.full_until = world.loop.now + seconds

    def _break_disk(self, world: "World") -> None:
        seconds = self._random.choice((1.0, 15.0, 60.0))
        world.note(f"FAULT: the share fails for {seconds:g} s")
        world.broken_until = world.loop.now + seconds

    def _cut(self, world: "World") -> None:
        if world.rabbitmq.sessions:
            session = self._random.choice(world.rabbitmq.sessions)
            world.note(f"FAULT: connection {session.name} is cut")
            world.later(self._random.choice((0.0, 0.01, 5.0, 40.0)), session.close_here)
            world.later(self._random.choice((0.0, 0.01, 5.0, 40.0)), session.close_there, "cut")

    def _stall(self, world: "World") -> None:
        if world.rabbitmq.sessions:
            session = self._random.choice(world.rabbitmq.sessions)
            seconds = self._random.choice((6.0, 12.0, 35.0, 70.0))
            world.note(f"FAULT: connection {session.name} stalls for {seconds:g} s")
            session.stall(seconds)

    def _restart_broker(self, world: "World") -> None:
        world.note("FAULT: the broker restarts")
        world.rabbitmq.stop()
        world.later(self._random.uniform(1, 60), world.rabbitmq.start)

    def _kill_container(self, world: "World") -> None:
        container = self._random.choice(world.containers)
        if container.processes:
            world.note(f"FAULT: the container of {container.node} is killed")
            container.kill()

    def _kill_process(self, world: "World") -> None:
        alive = [
            each for container in world.containers for each in container.processes.values() if each.alive
        ]
        if alive:
            kill(world, self._random.choice(alive), container=False)

    def _stop_container(self, world: "World") -> None:
        container = self._random.choice(world.containers)
        if container.processes and container.processes["consumer"].alive:
            world.note(f"FAULT: the container of {container.node} is told to stop")
            container.stop()

    def _freeze_some(self, world: "World") -> None:
        container = self._random.choice(world.containers)
        which = self._random.choice((("consumer",), ("wmgr",), ("gateway",), ("wmgr", "gateway", "consumer")))
        for name in which:
            process = container.processes.get(name)
            if process and process.alive:
                freeze(world, process, seconds=self._random.choice((3.0, 40.0, 90.0)))

    def _kill_file_manager(self, world: "World") -> None:
        kill(world, world.network.servers[FILE_MANAGER_URL].process, container=False)


def freeze(world: "World", process: Process, *, seconds: float) -> None:
    """Stop a process for some time, longer than a lease perhaps."""
    world.note(f"FAULT: {process.name} freezes for {seconds:g} s")
    process.freeze()
    # The broker gives up a client that sends no heartbeats.
    for session in [each for each in world.rabbitmq.sessions if each.process is process]:
        if seconds > HEARTBEATS_SECONDS:
            world.later(HEARTBEATS_SECONDS, session.close_here)
            world.later(seconds + 0.01, session.close_there, "missed heartbeats")
    world.later(seconds, process.thaw)


def kill(world: "World", process: Process, *, container: bool) -> None:
    """Kill a process, or the whole container that it is in. It is started again, as in a cluster."""
    if not process.alive:
        return
    node, _, name = process.name.partition(".")
    world.note(f"FAULT: {node if container and name else process.name} is killed")
    if process.name == "filemgr":
        process.kill()
        world.later(world.random.uniform(1, 20), world.start_file_manager)
    elif process.name == "status":
        world.status.kill()
    else:
        mine = next(each for each in world.containers if each.node == node)
        if container:
            mine.kill()
        else:
            mine.kill_process(name)
