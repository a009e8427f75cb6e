"""Times as docker writes them."""

from datetime import datetime


def seconds(written: str | None) -> float:
    """Unix seconds of a time with nanoseconds; 0 if it is unknown."""
    try:
        return datetime.fromisoformat(written or "").timestamp()
    except ValueError:
        return 0.0
