"""Waiting for something outside to become true, with a limit and a reason when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.3  # seconds between two looks


class NotReadyError(RuntimeError):
    """What was waited for did not come within its time; the message says what, and what was seen last."""


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
