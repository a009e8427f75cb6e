"""Waiting for a condition, with a time limit and the last thing seen if the limit is reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.3  # seconds between two looks


class NotReadyError(RuntimeError):
    """A condition was not met in time; the message says which, and what was seen last."""


def until(what: str, look: Callable[[], T | None], *, timeout: float) -> T:
    """Call ``look`` until it returns something, and return that.

    An exception of ``look`` counts as not yet. Raises NotReadyError after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    seen = "nothing yet"
    while True:
        try:
            found = look()
            if found is not None:
                return found
        except Exception as problem:  # whatever keeps it from being ready is shown at the deadline
            seen = str(problem)
        if time.monotonic() > deadline:
            raise NotReadyError(f"waited {timeout:g} s for {what}; last seen: {seen}")
        time.sleep(INTERVAL)
