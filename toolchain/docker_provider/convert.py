"""What several resource types convert between property maps and docker's API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .values import Properties

Spec = dict[str, Any]  # a structure of docker's API
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LENGTH = r"([0-9.]+)(ns|us|µs|ms|s|m|h)"
DURATION = f"^({_LENGTH})+$|^0$"


def nanoseconds(duration: str | None) -> int:
    """The length of a duration as Go writes it: ``1m30s`` is 90000000000; none is 0."""
    return round(sum(float(number) * _UNITS[unit] for number, unit in re.findall(_LENGTH, duration or "")))


def duration(length: int, *, short: bool = True) -> str:
    """Nanoseconds as Go writes a duration; the short form drops zeros at the end (``1m`` for ``1m0s``)."""
    if 0 < length < _UNITS["s"]:
        unit = next(unit for unit in ("ms", "µs", "ns") if length >= _UNITS[unit])
        return f"{length / _UNITS[unit]:.9g}{unit}"
    hours, rest = divmod(length, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    seconds = f"{rest / _UNITS['s']:.9f}".rstrip("0").rstrip(".")
    if not hours and not minutes:
        return f"{seconds}s"
    written = f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s"
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


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None or empty; zero and false stay."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def convert(value: Any, conversion: Callable[[Any], Any]) -> Any:
    """The converted value, or None where there is none."""
    return None if value is None else conversion(value)


def converted(values: Sequence[Any] | None, conversion: Callable[[Any], Any]) -> list[Any]:
    return [conversion(value) for value in values or ()]


def from_mount(mount: Properties) -> Spec:
    def volume_options(options: Properties) -> Spec:
        return {
            "NoCopy": options.get("noCopy", False),
            "Labels": from_labels(options.get("labels")),
            "DriverConfig": {
                "Name": options.get("driverName", ""),
                "Options": options.get("driverOptions", {}),
            },
        }

    def tmpfs_options(options: Properties) -> Spec:
        return {"SizeBytes": options.get("sizeBytes", 0), "Mode": options.get("mode", 0)}

    return given(
        {
            "Type": mount["type"],
            "Target": mount["target"],
            "Source": mount.get("source", ""),
            "ReadOnly": mount.get("readOnly", False),
            "BindOptions": convert(
                mount.get("bindOptions"), lambda bind: {"Propagation": bind.get("propagation", "")}
            ),
            "VolumeOptions": convert(mount.get("volumeOptions"), volume_options),
            "TmpfsOptions": convert(mount.get("tmpfsOptions"), tmpfs_options),
        }
    )


def to_mount(mount: Spec) -> Properties:
    def volume_options(options: Spec) -> Properties:
        driver = options.get("DriverConfig") or {}
        return {
            "noCopy": options.get("NoCopy", False),
            "labels": to_labels(options.get("Labels")),
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
        }

    def tmpfs_options(options: Spec) -> Properties:
        return {"sizeBytes": options.get("SizeBytes", 0), "mode": options.get("Mode", 0)}

    return given(
        {
            "type": mount["Type"],
            "target": mount["Target"],
            "source": mount.get("Source", ""),
            "readOnly": mount.get("ReadOnly", False),
            "bindOptions": convert(
                mount.get("BindOptions"), lambda bind: {"propagation": bind.get("Propagation", "")}
            ),
            "volumeOptions": convert(mount.get("VolumeOptions"), volume_options),
            "tmpfsOptions": convert(mount.get("TmpfsOptions"), tmpfs_options),
        }
    )


def from_healthcheck(health: Properties) -> Spec:
    return {
        "Test": health.get("tests", []),
        "Interval": nanoseconds(health.get("interval")),
        "Timeout": nanoseconds(health.get("timeout")),
        "StartPeriod": nanoseconds(health.get("startPeriod")),
        "Retries": health.get("retries", 0),
    }


def to_healthcheck(health: Spec, *, short: bool) -> Properties:
    return {
        "tests": health.get("Test") or [],
        "interval": duration(health.get("Interval", 0), short=short),
        "timeout": duration(health.get("Timeout", 0), short=short),
        "startPeriod": duration(health.get("StartPeriod", 0), short=short),
        "retries": health.get("Retries", 0),
    }
