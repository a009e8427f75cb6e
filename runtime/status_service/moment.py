"""The history's counts at one moment."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Moment:
    """All of it is from one look. ``waiting`` are jobs of batches that have not begun, by event.

    ``running`` has the number of jobs by event and node, ``changed`` the time of an event's last change.
    """

    at: float
    batches: list[dict[str, Any]]
    states: dict[str, dict[str, int]]
    waiting: dict[str, int]
    running: dict[tuple[str, str], int]
    changed: dict[str, float]

    def busy(self) -> dict[str, int]:
        """Jobs that run, by node."""
        nodes = {node for _event, node in self.running}
        return {
            node: sum(jobs for (_, where), jobs in self.running.items() if where == node) for node in nodes
        }
