"""Properties that containers and services have in common."""

from __future__ import annotations

from .convert import DURATION
from .schema import Field, Fields, block, flag, labels, listing, mapping, number, text, unordered

NOT_NEGATIVE = r"^[0-9]+$"


def span(default: str | None = None, *, computed: bool = False) -> Field:
    """A length of time, such as ``1m30s``."""
    return text(allowed=DURATION, default=default, computed=computed)


def mounts(*, propagation: str | None, replaces: bool) -> Field:
    """``propagation`` is the default of a bind mount's."""
    fields: Fields = {
        "target": text(required=True),
        "source": text(),
        "type": text(required=True, allowed=r"^(bind|volume|tmpfs)$"),
        "readOnly": flag(),
        "bindOptions": block(
            {"propagation": text(default=propagation, allowed=r"^r?(private|shared|slave)$")},
        ),
        "volumeOptions": block(
            {
                "noCopy": flag(),
                "labels": labels(replaces=True),
                "driverName": text(),
                "driverOptions": mapping(),
            }
        ),
        "tmpfsOptions": block({"sizeBytes": number(), "mode": number()}, replaces=replaces),
    }
    return unordered(block(fields), replaces=replaces)


def hosts() -> Field:
    """Entries of the container's hosts file."""
    fields: Fields = {"ip": text(required=True, replaces=True), "host": text(required=True, replaces=True)}
    return unordered(block(fields), replaces=True)


HEALTHCHECK: Fields = {
    "tests": listing(),
    "interval": span("0s"),
    "timeout": span("0s"),
    "startPeriod": span("0s"),
    "retries": number(default=0, allowed=NOT_NEGATIVE),
}
