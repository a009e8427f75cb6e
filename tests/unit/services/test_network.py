"""The overlay network: its addresses, and what is said of one that has older ones."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from infra import settings
from infra.local import nodes
from infra.local.engine import Engine
from infra.ssh import Identity
from infra.swarm import Swarm
from runtime import names
from services import network
from tests.unit import project
from tests.unit.aws.cloud import Cloud, run_program


def swarm(mtu: int = 1500) -> Swarm:
    return Swarm(
        docker_host="ssh://root@10.0.1.10",
        identity=Identity(folder=""),
        manager_address="10.0.1.10",
        share="/shared-data",
        platform="linux/amd64",
        workers=2,
        manager=cast(pulumi.CustomResource, None),
        members=(),
        mtu=mtu,
    )


def said(subnet: str, options: dict[str, str] | None = None, *, mtu: int = 1500, **changes: str) -> list[str]:
    config = {f"oodt:{key}": text for key, text in (project.defaults() | changes).items()}
    chosen = settings.load(config, project="oodt", stack="test", root=project.ROOT)
    return list(network.faults(IPv4Network(subnet), options or {}, chosen, swarm(mtu)))


def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, **changes: str) -> Cloud:
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    found = Cloud()
    run_program(found, tmp_path, target="local", **changes)
    return found


ENGINE = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})


def overlay(found: Cloud) -> dict[str, Any]:
    return found.one("docker:index/network:Network", names.NETWORK)


def variables(found: Cloud, node: str) -> dict[str, str]:
    listed = found.one("docker:index/container:Container", node)["envs"]
    return dict(each.split("=", 1) for each in listed)


def test_a_new_cluster_among_nodes_where_docker_starts_to_count_has_addresses_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = (IPv4Network("10.128.0.0/9"),)
    found = declared(tmp_path, monkeypatch, replace(ENGINE, routes=routes), subnet="10.0.1.0/24")
    expected = {"subnet": "10.127.192.0/20", "gateway": "10.127.192.1"}
    assert overlay(found)["ipamConfigs"] == [expected]
    manager = variables(found, "manager")
    assert (manager["SWARM_POOL"], manager["BRIDGE_POOL"]) == ("10.127.208.0/20", "10.127.224.0/20")
    (label,) = found.one("docker:index/network:Network", "network")["labels"]
    assert label["value"] == "10.127.192.0/18"


def test_a_cluster_keeps_its_addresses_when_a_route_to_them_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = replace(
        ENGINE, routes=(IPv4Network("10.0.0.0/8"),), pools={"oodt-test": "10.255.192.0/18", "other": ""}
    )
    found = declared(tmp_path, monkeypatch, later, overlay_pool="10.200.0.0/16")
    assert overlay(found)["ipamConfigs"][0]["subnet"] == "10.255.192.0/20"
    assert variables(found, "manager")["SWARM_POOL"] == "10.255.208.0/20"


def test_a_cluster_from_before_there_was_a_choice_is_declared_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = declared(tmp_path, monkeypatch, replace(ENGINE, pools={"oodt-test": ""}))
    assert not overlay(found).get("ipamConfigs") and not overlay(found).get("options")
    assert not found.one("docker:index/network:Network", "network").get("labels")
    assert "SWARM_POOL" not in variables(found, "manager")


@pytest.mark.parametrize(
    "where", [{"routes": (IPv4Network("10.200.9.0/24"),)}, {"subnets": {IPv4Network("10.200.9.0/24"): "lab"}}]
)
def test_a_pool_that_this_machine_reaches_already_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: dict[str, Any]
) -> None:
    with pytest.raises(pulumi.RunError, match=r"overlay_pool is '10.200.0.0/16': it meets 10.200.9.0/24"):
        declared(tmp_path, monkeypatch, replace(ENGINE, **where), overlay_pool="10.200.0.0/16")


def test_a_network_that_is_as_it_should_be_is_not_talked_of() -> None:
    assert said("10.255.192.0/20", wm_replicas="500") == []
    assert said("10.0.1.0/24") == []
    assert said("10.0.1.0/24", {network.MTU: "1400"}, mtu=1450) == []


def test_an_older_network_with_too_few_addresses_is_named() -> None:
    assert said("10.0.1.0/24", wm_replicas="200") == [
        "has 10.0.1.0/24, 256 addresses; 200 Workflow Managers may need 418."
    ]


def test_an_older_network_outside_the_pool_that_the_operator_names_is_named() -> None:
    (fault,) = said("10.0.1.0/24", overlay_pool="10.200.0.0/16")
    assert fault == "has 10.0.1.0/24, which is not in overlay_pool 10.200.0.0/16."


def test_an_older_network_whose_packets_are_too_large_for_the_nodes_is_named() -> None:
    assert said("10.0.1.0/24", mtu=1400) == ["sends packets of up to 1500 bytes, but nodes take 1400."]
    (fault,) = said("10.0.1.0/24", {network.MTU: "1450"}, mtu=1400)
    assert fault == "sends packets of up to 1450 bytes, but nodes take 1400."
