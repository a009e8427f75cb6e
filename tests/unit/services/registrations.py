"""What the program registers with the engine, as the engine would name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pulumi.runtime import mocks

STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource; names are the ends of URNs: kinds of the parents and its own, and name.

    ``former`` are those by which the engine would look for it in the state too.
    """

    urn: str
    former: tuple[str, ...]
    custom: bool
    dependencies: frozenset[str]


class Registrations:
    """Recorded while the program runs under mocks, which name resources in another way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[Registration] = []
        self._urns: dict[str, str] = {}
        register: Any = mocks.MockMonitor.RegisterResource

        def recorded(monitor: mocks.MockMonitor, request: Any) -> Any:
            answer = register(monitor, request)
            self._note(request, answer.urn)
            return answer

        monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", recorded)

    def named(self, urn: str) -> Registration:
        (found,) = [each for each in self.all if each.urn == urn]
        return found

    def _note(self, request: Any, urn: str) -> None:
        parent = self._urns.get(request.parent, STACK).partition("::")[0]
        kind = request.type if parent == STACK else f"{parent}${request.type}"
        self._urns[urn] = f"{kind}::{request.name}"
        former = [
            f"{alias.spec.type or request.type}::{alias.spec.name or request.name}"
            for alias in request.aliases
            if alias.spec.noParent
        ]
        self.all.append(
            Registration(
                urn=self._urns[urn],
                former=tuple(former),
                custom=request.custom,
                dependencies=frozenset(self._urns[each] for each in request.dependencies),
            )
        )
