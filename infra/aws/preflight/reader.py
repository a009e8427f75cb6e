"""Reads all facts at once, and gives up on those that take too long."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

from infra.aws.preflight import at_once
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.facts import Fact, Facts, NotRead
from infra.aws.preflight.part_rights import RightsPart
from infra.aws.preflight.part_trials import TrialsPart
from infra.aws.preflight.place import chosen
from infra.aws.preflight.rules.quotas import QUOTAS
from infra.settings import Settings


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
    found = at_once.looked(looks)
    quotas = {quota.code: found.pop(quota.code) for quota in QUOTAS}
    return Facts(**found, quotas=quotas)
