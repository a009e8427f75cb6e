"""Waiting for a condition, with a time limit. What is waited for is shown, and what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from infra import patience

T = TypeVar("T")

INTERVAL = 0.3  # seconds between two looks
FIRST_SHOWN, SHOWN_EVERY = 10, 30  # seconds of a wait until it is shown, and until it is shown again


class NotReadyError(RuntimeError):
    """A condition was not met in time; the message says which, and what was seen last."""


class HopelessError(RuntimeError):
    """What is waited for will not come; the message says why."""


class Wait:
    """The time that has passed of a wait, and what the operator is told of it."""

    def __init__(self, what: str, timeout: float) -> None:
        """``timeout`` is in seconds of a usual machine."""
        self.limit = patience.stretched(timeout)
        self._what = what
        self._start = time.monotonic()
        self._next = FIRST_SHOWN

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._start + self.limit

    def show(self, seen: str, more: Callable[[], str] | None = None) -> None:
        """Print what is waited for and what was seen, if it is time to: the engine shows what is printed."""
        passed = time.monotonic() - self._start
        if passed > self._next:
            self._next += SHOWN_EVERY
            last = seen.strip().splitlines()[-1:] or ["nothing yet"]
            print(
                f"waiting for {self._what}: {passed:.0f} of {self.limit:g} s; {last[0]}{_lines(more)}",
                flush=True,
            )


def until(
    what: str, look: Callable[[], T | None], *, timeout: float, more: Callable[[], str] | None = None
) -> T:
    """Call ``look`` until it returns something, and return that.

    An exception of ``look`` counts as not ready yet; only HopelessError ends the wait. ``more`` gives lines
    that say more than was seen. Raises NotReadyError after ``timeout`` seconds of a usual machine.
    """
    wait = Wait(what, timeout)
    seen = "nothing yet"
    while True:
        try:
            found = look()
            if found is not None:
                return found
        except HopelessError:
            raise
        except Exception as problem:  # its text is shown
            seen = str(problem)
        if wait.is_over:
            raise NotReadyError(
                f"waited {wait.limit:g} s for {what}; last seen: {seen} ({patience.ADVICE}){_lines(more)}"
            )
        wait.show(seen, more)
        time.sleep(INTERVAL)


def _lines(more: Callable[[], str] | None) -> str:
    return f"\n{more()}" if more else ""
