"""For commands that wait: when a queue counts as empty, and when a service went away and came back."""

import time

# The broker's numbers are up to five seconds old, and a job may be on its way from one queue to another.
# Queues that have been empty for this long are empty.
SETTLED_SECONDS = 7.0


class Outage:
    """Tells the operator once when a service cannot be reached or used, and once when it is back."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._began: float | None = None

    def update(self, *, reachable: bool, trouble: str = "cannot be reached") -> str | None:
        """The line to show if an outage has begun or ended since the last update."""
        if not reachable and self._began is None:
            self._began = time.monotonic()
            return f"{self._service} {trouble} since {time.strftime('%H:%M:%S')}; still waiting for it"
        if reachable and self._began is not None:
            seconds, self._began = time.monotonic() - self._began, None
            return f"{self._service} is back after {seconds:.0f} s"
        return None
