"""The cluster's own submit, run to its end."""

from typing import Any

from testing.commands import finish, start_submit


def submit(url: str, *arguments: str, seconds: float) -> dict[str, Any]:
    """Submit a batch to the broker at ``url`` and return the report. Raises RuntimeError if a job failed."""
    done = finish(start_submit(url, *arguments, "--json"), seconds=seconds)
    if done.code != 0:
        raise RuntimeError(f"submit ended with {done.code}: {done.stderr}{done.stdout[-2000:]}")
    return done.result
