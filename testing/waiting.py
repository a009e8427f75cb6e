"""Waiting in tests: for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.05


def until(condition: Callable[[], T | None], *, seconds: float = 30.0, what: str = "") -> T:
    """The first true value of CONDITION; fails after SECONDS."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or condition} is still {value!r} after {seconds:g} s")
        time.sleep(PAUSE_SECONDS)
