"""The progress of a batch: its jobs by state, from their state changes."""

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from runtime.messaging.announcements import FINAL, StateChange
from runtime.outcome import to_fields

# A log has up to 4 kB, and a batch may have any number of jobs.
MOST_LOGS = 1000


@dataclass(kw_only=True)
class BatchProgress:
    """The jobs of one batch by their state."""

    batch: str
    jobs: int
    submitted: int = 0
    began: float = field(default_factory=time.monotonic)
    changed: float = field(default_factory=time.monotonic)
    latest: dict[str, StateChange] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, change: StateChange) -> None:
        """Count a state change. It may come twice or late: the final state of a job stays."""
        before = self.latest.get(change.job)
        if before is not None and before.state in FINAL:
            return
        if before is not None:
            self.counts[before.state] -= 1
        outcome = change.outcome
        if outcome and outcome.log and (change.state != "DEAD" or self.counts["DEAD"] >= MOST_LOGS):
            change = replace(change, outcome=replace(outcome, log=None))
        self.latest[change.job] = change
        self.changed = time.monotonic()
        self.counts[change.state] += 1

    @property
    def ended(self) -> int:
        return sum(self.counts[state] for state in FINAL)

    @property
    def complete(self) -> bool:
        return self.ended == self.jobs

    def changed_within(self, seconds: float) -> bool:
        return time.monotonic() - self.changed < seconds

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.began, 2)

    def dead(self) -> list[StateChange]:
        return [change for change in self.latest.values() if change.state == "DEAD"]

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
                        "id": change.job,
                        "state": change.state,
                        "attempts": change.attempts,
                        "node": change.node,
                        **to_fields(change.outcome),
                    }
                    for change in self.latest.values()
                ],
            }
        return result
