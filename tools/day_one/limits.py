"""Money and time: what the trial may cost at most, and when it has to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

DESTROY_MINUTES = 30  # for destroy and the search for leftovers, after the time limit
SWITCH_MINUTES = 10  # after that, AWS itself ends the instances
BY_USE = 1.0  # USD for what no hour has: the share, traffic, the spot notice


class OverBudgetError(Exception):
    """What the trial could cost is more than may be spent; the text has the numbers and the way out."""


class ShortSessionError(Exception):
    """The credentials end before the trial does; the text says when, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``hourly`` is the price of the cluster's hour, with the node that replaces another one."""

    hourly: float
    minutes: float
    budget: float
    began: float = field(default_factory=time.monotonic)

    @property
    def most(self) -> float:
        """USD if the instances run until AWS itself ends them."""
        return self.hourly * (self.minutes + DESTROY_MINUTES + SWITCH_MINUTES) / 60 + BY_USE

    def check(self) -> None:
        """Raises OverBudgetError."""
        if self.most <= self.budget:
            return
        left = (self.budget - BY_USE) / self.hourly * 60 - DESTROY_MINUTES - SWITCH_MINUTES
        fits = f"--minutes {int(left)} or " if left >= 1 else ""
        raise OverBudgetError(
            f"{self.minutes:g} minutes at {self.hourly:.2f} USD an hour, {DESTROY_MINUTES + SWITCH_MINUTES} "
            f"more to destroy and {BY_USE:.2f} USD by use come to {self.most:.2f} USD; --budget is "
            f"{self.budget:.2f}: give {fits}--budget {self.most:.2f}"
        )

    def check_session(self, end: str) -> None:
        """``end`` is that of credentials in the environment, which nothing renews; empty if it is not known.

        Without credentials nothing is destroyed. Raises ShortSessionError.
        """
        try:
            left = (datetime.fromisoformat(end) - datetime.now(UTC)).total_seconds() / 60
        except (TypeError, ValueError):  # none, or in another form than AWS's own tools give it
            return
        if left < self.minutes + DESTROY_MINUTES:
            fits = int(left) - DESTROY_MINUTES
            raise ShortSessionError(
                f"the session ends at {end}, before {self.minutes:g} minutes and {DESTROY_MINUTES} more to "
                f"destroy are over: take a longer one{f', or give --minutes {fits}' if fits > 0 else ''}"
            )

    def left(self) -> float:
        """Seconds until the time limit."""
        return self.began + self.minutes * 60 - time.monotonic()

    def spent(self) -> float:
        """USD at most until now, by the clock."""
        return self.hourly * (time.monotonic() - self.began) / 3600 + BY_USE
