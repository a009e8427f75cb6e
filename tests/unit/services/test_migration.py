"""What an earlier commit of the program declared, the engine finds again: nothing is made anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.hosts import cluster
from infra.local import nodes
from infra.local.engine import Engine
from tests.unit.aws.cloud import Cloud, run_program
from tests.unit.hosts import test_hosts_program as hosts
from tests.unit.services.registrations import Registrations

# Kinds with those of their parents, and names, as commit 6b79805bd212 declared them: there the stack was the
# parent of all services.
EARLIER: dict[str, list[str]] = json.loads((Path(__file__).parent / "earlier_urns.json").read_text())
# What the program declares since then.
ADDED = ["heartbeat", "oodt-swarm", "oodt-swarm-converged", "status-look-token", "status-look-token"]
ADDED_ON = {
    "aws": ["join-record-end", "manager-session", "share", "worker-health", "worker-session"],
    "local": ["leftovers", "strays"],
}
SETTINGS = {
    "local": {"target": "local"},
    "hosts": hosts.SETTINGS,
    "aws": {"target": "aws", "admin_cidrs": '["10.9.8.7/32"]'},
}


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
    known = [(each.urn, *each.former) for each in registrations.all if each.custom]
    found = [next((urn for urn in urns if urn in earlier), None) for urns in known]
    assert earlier - set(found) == set()
    added = [urns[0].rpartition("::")[2] for urns in known if not earlier & set(urns)]
    expected = sorted(ADDED + ADDED_ON.get(target, []))
    assert sorted(added) == expected
    assert len(found) == len(earlier) + len(expected)
