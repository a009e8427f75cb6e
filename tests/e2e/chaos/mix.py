"""What users send in a storm, drawn from its seed, and the ends that are right for each job in any schedule.

Most jobs succeed. Of every ten one fails: its second task exits with 1, so that the product of the first one
is to be removed. A job that is cancelled is CANCELLED, or has ended before. A late job has an event of its
own, whose time limit ends in the middle of its second task. A nameless job is a message without an id; some
have equal bodies.

Hopeless and unprovided jobs have an event of their own too, so that they are dead soon, and are redriven. The
first fail each time. The others succeed when their program is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from runtime.messaging.messages import encode
from services.containers import JOBS

EVENT = "test-workflow"
LATE_EVENT = f"{EVENT}-late"
LATE_SECONDS = 20  # the time limit of that event
DYING_EVENT = f"{EVENT}-dying"
FAILING = 10  # of so many jobs one fails
EQUAL = 4  # of so many nameless jobs two have the same body

# Where OODT looks for the program of an unprovided job, in the containers.
UNPROVIDED = f"{JOBS}/unprovided"

State = Literal["SUCCEEDED", "DEAD", "CANCELLED"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many there are of each kind; ``seconds`` is the shortest and the longest time of a task."""

    jobs: int
    seconds: tuple[int, int]
    cancelled: int = 0
    called_off: int = 0  # in a batch that is cancelled
    hopeless: int = 0
    unprovided: int = 0
    late: int = 0
    nameless: int = 0


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A job with an id, and the ends that are right for it."""

    event: str
    batch: str
    id: str
    metadata: dict[str, Any]
    ends: frozenset[State]


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The jobs of a storm. Those of the batch ``name`` are waited for."""

    name: str
    jobs: tuple[Sent, ...]
    nameless: tuple[bytes, ...]
    cancelled: tuple[Sent, ...]  # these are cancelled one by one

    @classmethod
    def draw(cls, chance: Random, sizes: Sizes, *, seed: int) -> Mix:
        name = f"chaos-{seed}"
        cancelled = chance.sample(range(1, sizes.jobs + 1), sizes.cancelled)

        def metadata(number: int, **other: object) -> dict[str, object]:
            common = {"Dataset": "abc", "Project": name, "Run": number}
            return {**common, "Seconds": chance.randint(*sizes.seconds), **other}

        # It has three runs, with waits between them: the storm should not have to wait for the last of them.
        fail = {"ExitCode2": 1, "Seconds": sizes.seconds[0]}

        def main(number: int) -> Sent:
            fails = number % FAILING == FAILING // 2
            ends: set[State] = {"DEAD" if fails else "SUCCEEDED"}
            return Sent(
                event=EVENT,
                batch=name,
                id=f"{name}.{number}",
                metadata=metadata(number, **(fail if fails else {})),
                ends=frozenset(ends | ({"CANCELLED"} if number in cancelled else set())),
            )

        def others(kind: str, number: int, event: str, ends: set[State], **other: object) -> list[Sent]:
            batch = f"{name}-{kind}"
            return [
                Sent(
                    event=event,
                    batch=batch,
                    id=f"{batch}.{n}",
                    metadata=metadata(n, **other),
                    ends=frozenset(ends),
                )
                for n in range(1, number + 1)
            ]

        jobs = (
            *map(main, range(1, sizes.jobs + 1)),
            *others("called-off", sizes.called_off, EVENT, {"SUCCEEDED", "CANCELLED"}),
            *others("hopeless", sizes.hopeless, DYING_EVENT, {"DEAD"}, **fail),
            *others("given-up", sizes.hopeless, DYING_EVENT, {"DEAD", "CANCELLED"}, **fail),
            *others("unprovided", sizes.unprovided, DYING_EVENT, {"SUCCEEDED"}, OODT_HOME=UNPROVIDED),
            *others("late", sizes.late, LATE_EVENT, {"DEAD"}, Seconds=LATE_SECONDS * 2 // 3),
        )
        return cls(
            name=name,
            jobs=jobs,
            nameless=_bodies([metadata(n, Nameless=n) for n in range(sizes.nameless)]),
            cancelled=tuple(
                job for job in jobs if "CANCELLED" in job.ends and not job.batch.endswith("-called-off")
            ),
        )

    def batch(self, kind: str = "") -> list[Sent]:
        """The jobs of the batch that is waited for, or of the one of this kind."""
        return [job for job in self.jobs if job.batch == (f"{self.name}-{kind}" if kind else self.name)]


def _bodies(jobs: Sequence[dict[str, object]]) -> tuple[bytes, ...]:
    """Messages, of which every so many-th is the same as the one before."""
    return tuple(encode(jobs[n - 1] if n % EQUAL == EQUAL - 1 else job) for n, job in enumerate(jobs))
