"""Waiting for a condition, with a time limit. The error at the limit says what was seen last."""

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

    An exception of ``look`` counts as not ready yet. Raises NotReadyError after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    seen = "nothing yet"
    while True:
        try:
            found = look()
            if found is not None:
                return found
        except Exception as problem:  # its text is shown at the deadline
            seen = str(problem)
        if time.monotonic() > deadline:
            raise NotReadyError(f"waited {timeout:g} s for {what}; last seen: {seen}")
        time.sleep(INTERVAL)
