"""Waiting in tests: for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.05
BUSY = 10  # so much longer a step may take where other tests have the processors


def until(condition: Callable[[], T | None], *, seconds: float = 30.0, what: str = "") -> T:
    """The first true value of CONDITION, for which a calm machine needs no more than SECONDS.

    Raises AssertionError when even a busy machine should have been done.
    """
    deadline = time.monotonic() + BUSY * seconds
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"{what or condition} is still {value!r} after {BUSY * seconds:g} s")
        # What it costs to ask, such as a command in a container, has to leave the processors to the others.
        time.sleep(max(PAUSE_SECONDS, now - asked))
