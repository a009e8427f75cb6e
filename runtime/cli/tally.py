"""What a batch has come to so far, from its state events."""

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from runtime.messaging.announcements import FINAL, StateChange
from runtime.outcome import to_fields

# Each has up to 4 kB, and a batch may have any number of jobs.
MOST_LOGS = 1000


@dataclass(kw_only=True)
class Tally:
    """The jobs of one batch by their state."""

    batch: str
    jobs: int
    submitted: int = 0
    began: float = field(default_factory=time.monotonic)
    latest: dict[str, StateChange] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, event: StateChange) -> None:
        """Take in a state change. Events may come twice and late; a job that has ended stays so."""
        before = self.latest.get(event.job)
        if before is not None and before.state in FINAL:
            return
        if before is not None:
            self.counts[before.state] -= 1
        outcome = event.outcome
        if outcome and outcome.log and (event.state != "DEAD" or self.counts["DEAD"] >= MOST_LOGS):
            event = replace(event, outcome=replace(outcome, log=None))
        self.latest[event.job] = event
        self.counts[event.state] += 1

    @property
    def ended(self) -> int:
        return sum(self.counts[state] for state in FINAL)

    @property
    def complete(self) -> bool:
        return self.ended == self.jobs

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 2)

    def failures(self) -> list[StateChange]:
        return [event for event in self.latest.values() if event.state == "DEAD"]

    def report(self, *, waited: bool) -> dict[str, Any]:
        """The command's result as one object."""
        result: dict[str, Any] = {"batch": self.batch, "submitted": self.submitted, "seconds": self.seconds}
        if waited:
            result |= {
                "succeeded": self.counts["SUCCEEDED"],
                "failed": self.counts["DEAD"],
                "cancelled": self.counts["CANCELLED"],
                "jobs": [
                    {
                        "id": event.job,
                        "state": event.state,
                        "attempts": event.attempts,
                        "node": event.node,
                        **to_fields(event.outcome),
                    }
                    for event in self.latest.values()
                ],
            }
        return result
