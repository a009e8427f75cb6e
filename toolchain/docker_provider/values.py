"""Property maps of the engine as plain Python values, and back.

An unknown value (of a preview) stays what it is in the protocol: the string UNKNOWN. Marks of secrets are
removed from the inputs: the engine marks the outputs itself, as for all providers that do not accept secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

__all__ = ["UNKNOWN", "Properties", "contains_unknown", "plain", "secret", "wrap"]

Properties = dict[str, Any]


class Secret(dict[str, Any]):
    """A map that goes out marked as secret."""


def secret(value: Mapping[str, Any]) -> Secret:
    return Secret(value)


def plain(properties: Mapping[str, PropertyValue]) -> Properties:
    """The values without nulls; whole numbers are ints."""
    return {name: _plain(value) for name, value in properties.items() if value.value is not None}


def _plain(value: PropertyValue) -> Any:
    content = value.value
    if isinstance(content, Mapping):
        return plain(content)
    if isinstance(content, float) and content.is_integer():
        return int(content)
    if isinstance(content, Sequence) and not isinstance(content, str):
        return [_plain(item) for item in content]
    return content


def wrap(properties: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """The engine's form of plain values; None is left out."""
    return {name: _wrap(value) for name, value in properties.items() if value is not None}


def _wrap(value: Any) -> PropertyValue:
    if isinstance(value, Mapping):
        return PropertyValue(wrap(value), is_secret=isinstance(value, Secret))
    if isinstance(value, (list, tuple)):
        return PropertyValue([_wrap(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def contains_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return bool(value == UNKNOWN)
