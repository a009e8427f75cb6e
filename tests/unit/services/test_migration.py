"""What an earlier commit of the program declared, the engine finds again: nothing is made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import mocks

from infra.hosts import cluster
from infra.local import nodes
from infra.local.engine import Engine
from tests.unit.aws.cloud import Cloud, run_program
from tests.unit.hosts import test_hosts_program as hosts

# Kinds with those of their parents, and names, as commit 6b79805bd212 declared them: there the stack was the
# parent of all services.
EARLIER: dict[str, list[str]] = json.loads((Path(__file__).parent / "earlier_urns.json").read_text())
SETTINGS = {
    "local": {"target": "local"},
    "hosts": hosts.SETTINGS,
    "aws": {"target": "aws", "admin_cidrs": '["203.0.113.7/32"]'},
}
STACK = "pulumi:pulumi:Stack"


class Registrations:
    """The ends of the URNs by which the engine would look for a resource in the state, its own first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: list[list[str]] = []
        self._kinds: dict[str, str] = {}
        register: Any = mocks.MockMonitor.RegisterResource

        def recorded(monitor: mocks.MockMonitor, request: Any) -> Any:
            answer = register(monitor, request)
            self._note(request, answer.urn)
            return answer

        monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", recorded)

    def _note(self, request: Any, urn: str) -> None:
        parent = self._kinds.get(request.parent, STACK)
        kind = request.type if parent == STACK else f"{parent}${request.type}"
        self._kinds[urn] = kind
        if request.custom:
            of_the_stack = [
                f"{alias.spec.type or request.type}::{alias.spec.name or request.name}"
                for alias in request.aliases
                if alias.spec.noParent
            ]
            self.known.append([f"{kind}::{request.name}", *of_the_stack])


@pytest.mark.parametrize("target", EARLIER)
def test_each_resource_of_an_earlier_stack_is_found_again_as_one_of_this_program(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    monkeypatch.setattr(cluster, "inspect", hosts.inspect)
    registrations = Registrations(monkeypatch)
    run_program(Cloud(), tmp_path, **SETTINGS[target])
    earlier = set(EARLIER[target])
    found = [next((urn for urn in urns if urn in earlier), None) for urns in registrations.known]
    assert earlier - set(found) == set()
    assert len(found) == len(earlier)
