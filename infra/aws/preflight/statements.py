"""Statements of policy documents: which ones there are, and what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any


def listed(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def concerns(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not matches(statement["NotAction"], action)
    return matches(statement.get("Action", []), action)


def covers(statement: Mapping[str, Any], resource: str) -> bool:
    """Whether it is about this resource; ``*`` stands for all of them."""
    if "NotResource" in statement:
        return not matches(statement["NotResource"], resource)
    return matches(statement.get("Resource", []), resource)


def matches(patterns: str | list[str], text: str) -> bool:
    found = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(text.lower(), pattern.lower()) for pattern in found)


def forbids(statement: Mapping[str, Any], action: str) -> bool:
    """Whether it denies the action whatever it is done to, and by whom."""
    plain = statement.get("Effect") == "Deny" and not statement.get("Condition")
    return plain and concerns(statement, action) and covers(statement, "*")


def may_allow(statement: Mapping[str, Any], action: str) -> bool:
    """Whether it allows the action, if only to some, under conditions or on some resources."""
    return statement.get("Effect") == "Allow" and concerns(statement, action)


def names(statement: Mapping[str, Any], principal: str) -> bool:
    """Whether it is about this principal; ``*`` stands for everybody."""
    found = statement.get("Principal")
    named = found.get("AWS", []) if isinstance(found, Mapping) else found
    return not {"*", principal}.isdisjoint([named] if isinstance(named, str) else named or [])
