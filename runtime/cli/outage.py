"""Words for an operator whose command waits: what cannot be reached, since when, and that it is back."""

import time


class Outage:
    """Of one service. ``see`` is called now and then, and returns a line to show when that has changed."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._began: float | None = None

    def see(self, *, away: bool) -> str | None:
        if away and self._began is None:
            self._began = time.monotonic()
            return (
                f"{self._service} cannot be reached since {time.strftime('%H:%M:%S')}; still waiting for it"
            )
        if not away and self._began is not None:
            seconds, self._began = time.monotonic() - self._began, None
            return f"{self._service} is back after {seconds:.0f} s"
        return None
