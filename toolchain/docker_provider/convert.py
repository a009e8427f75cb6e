"""What several resource types convert between property maps and docker's API: labels, durations, pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .values import Properties

DURATION = r"^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$"
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def nanoseconds(duration: str | None) -> int:
    """The length of a duration as Go writes it: ``1m30s`` is 90000000000; none is 0."""
    return round(
        sum(
            float(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", duration or "")
        )
    )


def duration(length: int, *, short: bool = True) -> str:
    """Nanoseconds as Go writes a duration; the short form drops zeros at the end (``1m`` for ``1m0s``)."""
    if 0 < length < _UNITS["s"]:
        unit = next(unit for unit in ("ms", "µs", "ns") if length >= _UNITS[unit])
        return f"{length / _UNITS[unit]:.9g}{unit}"
    hours, rest = divmod(length, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    seconds = f"{rest / _UNITS['s']:.9f}".rstrip("0").rstrip(".")
    written = (
        f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    )
    return re.sub(r"(?<=h)0m$", "", re.sub(r"(?<=m)0s$", "", written)) if short else written


def from_labels(labels: Sequence[Properties] | None) -> dict[str, str]:
    return {item["label"]: item["value"] for item in labels or ()}


def to_labels(labels: Mapping[str, str] | None) -> list[Properties]:
    return [{"label": name, "value": value} for name, value in sorted((labels or {}).items())]


def from_pairs(pairs: Sequence[str] | None) -> dict[str, str]:
    """A map from ``NAME=VALUE`` texts."""
    return dict(pair.split("=", 1) for pair in pairs or () if "=" in pair)


def to_pairs(values: Mapping[str, str] | None) -> list[str]:
    return [f"{name}={value}" for name, value in sorted((values or {}).items())]


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None: docker takes its own default for what is not in a request."""
    return {name: value for name, value in values.items() if value is not None}
