"""Reads all facts at once, each in a thread of its own, and gives up on those that take too long."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra import patience
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.facts import Fact, Facts, NotRead
from infra.aws.preflight.part_rights import RightsPart
from infra.aws.preflight.part_trials import TrialsPart
from infra.aws.preflight.place import chosen
from infra.aws.preflight.rules.quotas import QUOTAS
from infra.settings import Settings

LIMIT = 5  # seconds for all facts


class Reader(TrialsPart, RightsPart):
    """A method for each fact."""


def read(settings: Settings) -> Facts:
    """Everything that could be read within the limit."""
    names = [field.name for field in dataclasses.fields(Facts) if field.name != "quotas"]
    try:
        calls = Calls(chosen(settings).access, chosen(settings).region)
    except NotRead as problem:
        refused = Fact[Any](failure=str(problem))
        return Facts(**dict.fromkeys(names, refused), quotas={quota.code: refused for quota in QUOTAS})
    reader = Reader(settings=settings, calls=calls)
    looks: dict[str, Callable[[], Any]] = {name: getattr(reader, name) for name in names}
    looks |= {quota.code: partial(reader.quota, quota.service, quota.code) for quota in QUOTAS}
    found = _all(looks)
    quotas = {quota.code: found.pop(quota.code) for quota in QUOTAS}
    return Facts(**found, quotas=quotas)


def _all(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Fact[Any]]:
    """What each look finds. Threads that still wait at the limit are left to their own limits."""
    limit = patience.stretched(LIMIT)
    found: dict[str, Fact[Any]] = {}

    def look_up(name: str, look: Callable[[], Any]) -> None:
        try:
            found[name] = Fact(value=look())
        except NotRead as problem:
            found[name] = Fact(failure=str(problem))
        except Exception as problem:  # an answer of another form than AWS documents
            found[name] = Fact(failure=f"the answer is not understood ({problem!r})")

    threads = [
        threading.Thread(target=look_up, args=(name, look), daemon=True) for name, look in looks.items()
    ]
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Fact[Any](failure=f"there was no answer within {limit:g} s")
    return {name: found.get(name, late) for name in looks}
