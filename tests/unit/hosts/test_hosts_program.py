"""What the program declares on target hosts, with hosts that have passed their check."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import ssh
from infra.hosts import cluster, layout
from infra.hosts.facts import Docker, Facts, Share
from infra.hosts.inspection import HostsError
from infra.hosts.settings import HostsSettings
from testing.tools import require
from tests.unit.aws.cloud import Cloud, run_program

MANAGER, ONE, TWO = (
    "ssh://ops@head.example.org",
    "ssh://ops@one.example.org",
    "ssh://ops@one.example.org:2222",
)
SETTINGS = {
    "target": "hosts",
    "manager": MANAGER,
    "workers": json.dumps([ONE, TWO]),
    "shared_path": "/shared-data",
}


def facts(host: str, number: int) -> Facts:
    docker = Docker(
        version="26.1",
        system="linux",
        architecture="aarch64",
        name=f"node{number}",
        free=-1,
        state="active" if number == 1 else "inactive",
        node="n1" if number == 1 else "",
        control=False,
        cluster="",
        nodes=(),
        live_restore=False,
        selinux=False,
        insecure=(),
        insecure_networks=(),
        registry_flags=(),
    )
    share = Share(free=-1, owners={}, gives_away=True, swarm="")
    return Facts(
        host=host,
        python=(3, 13),
        user="ops",
        address=f"10.0.0.{number}",
        ahead=0.0,
        docker=docker,
        share=share,
    )


def inspect(chosen: HostsSettings, *_: object) -> dict[str, Facts]:
    return {host: facts(host, number) for number, host in enumerate(chosen.hosts)}


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr(cluster, "inspect", inspect)
    found = Cloud()
    run_program(found, tmp_path, **SETTINGS)
    return found


def props(declared: Cloud, kind: str) -> list[dict[str, Any]]:
    return [resource.inputs for resource in declared.all(f"pulumi-python:dynamic/{kind}")]


def test_each_host_has_its_part_and_is_waited_for_by_its_own_name(declared: Cloud) -> None:
    (manager,) = props(declared, "hosts:Manager")
    assert (manager["host"], manager["address"]) == (MANAGER, "10.0.0.0")
    assert manager["workers"] == [ONE, TWO]
    assert manager["job_folders"] == ["flow"]
    workers = props(declared, "hosts:Worker")
    assert sorted((worker["host"], worker["found"]) for worker in workers) == [(ONE, "n1"), (TWO, "")]
    assert {worker["swarm"] for worker in workers} == {"manager-id"}
    assert {gate["hostname"] for gate in props(declared, "swarm:WorkerReady")} == {"node1", "node2"}


@pytest.mark.parametrize("prometheus", [False, True])
def test_the_port_of_prometheus_has_to_be_free_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prometheus: bool
) -> None:
    asked: list[layout.Port] = []

    def note(chosen: HostsSettings, _identity: object, _folders: object, ports: Any) -> dict[str, Facts]:
        asked.extend(ports)
        return inspect(chosen)

    monkeypatch.setattr(cluster, "inspect", note)
    run_program(Cloud(), tmp_path, **SETTINGS | {"prometheus": str(prometheus).lower()})
    assert (("tcp", 9090) in asked) is prometheus
    assert ("tcp", 8080) in asked


def test_addresses_for_the_operator_name_what_his_ssh_connects_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("ssh")
    file = tmp_path / "ssh-config"
    file.write_text("Host Head\n  HostName 10.9.8.7\n")
    monkeypatch.setenv(ssh.CONFIGURATION, str(file))
    monkeypatch.setattr(cluster, "inspect", inspect)
    outputs: dict[str, Any] = {}

    def export(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda known: outputs.update({name: known}))

    monkeypatch.setattr(pulumi, "export", export)
    run_program(Cloud(), tmp_path, **SETTINGS | {"manager": "ssh://ops@Head"})
    assert outputs["status_url"] == "http://10.9.8.7:8080"
    assert outputs["rabbitmq_user_url"].endswith("@10.9.8.7:5672/%2F")


def test_addresses_and_packets_fit_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(chosen: HostsSettings, *_: object) -> dict[str, Facts]:
        known = inspect(chosen)
        routed = replace(known[ONE], networks=(IPv4Network("10.128.0.0/9"),), mtu=1450)
        return {**known, ONE: routed, TWO: replace(known[TWO], mtu=1400)}

    monkeypatch.setattr(cluster, "inspect", found)
    declared = Cloud()
    run_program(declared, tmp_path, **SETTINGS)
    network = declared.one("docker:index/network:Network")
    assert [config["subnet"] for config in network["ipamConfigs"]] == ["10.127.192.0/20"]
    assert network["options"] == {"com.docker.network.driver.mtu": "1400"}
    assert props(declared, "hosts:Manager")[0]["pool"] == "10.127.208.0/20"


def test_a_pool_that_a_host_reaches_already_is_refused_with_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(chosen: HostsSettings, *_: object) -> dict[str, Facts]:
        known = inspect(chosen)
        return {**known, ONE: replace(known[ONE], networks=(IPv4Network("10.200.3.0/24"),))}

    monkeypatch.setattr(cluster, "inspect", found)
    with pytest.raises(pulumi.RunError, match=f"it meets 10.200.3.0/24, which {ONE} is in or has a route to"):
        run_program(Cloud(), tmp_path, **SETTINGS, overlay_pool="10.200.0.0/16")


def test_a_swarm_that_has_its_networks_keeps_them_though_everything_is_routed_somewhere_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")))

    def found(chosen: HostsSettings, *_: object) -> dict[str, Facts]:
        known = inspect(chosen)
        boss = known[MANAGER]
        assert isinstance(boss.docker, Docker) and isinstance(boss.share, Share)
        overlays = (("swarm-network", IPv4Network("10.0.1.0/24")),)
        docker = replace(boss.docker, control=True, cluster="s", overlays=overlays)
        share = replace(boss.share, swarm="s")
        return {**known, MANAGER: replace(boss, docker=docker, share=share, networks=routed)}

    monkeypatch.setattr(cluster, "inspect", found)
    declared = Cloud()
    run_program(declared, tmp_path, **SETTINGS)
    assert not declared.one("docker:index/network:Network").get("ipamConfigs")


def test_the_stack_has_no_key_of_its_own_and_uses_the_operators_ssh(declared: Cloud) -> None:
    assert not props(declared, "ssh:Key")
    assert {gate["folder"] for gate in props(declared, "swarm:WorkerReady")} == {""}


def test_the_services_are_those_of_every_target_built_for_the_hosts_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "inspect", inspect)
    declared = Cloud()
    run_program(declared, tmp_path, **SETTINGS, prometheus="true")
    services = {service.name: service.inputs for service in declared.all("docker:index/service:Service")}
    mounts = {name: each["taskSpec"]["containerSpec"]["mounts"] for name, each in services.items()}
    assert "/shared-data/ledger" in [mount["source"] for mount in mounts["oodt-wmgr"]]
    volumes = [mount["source"] for of_one in mounts.values() for mount in of_one if mount["type"] == "volume"]
    assert (sorted(services), sorted(volumes)) == (sorted(layout.SERVICES), sorted(layout.VOLUMES))
    images = declared.all("docker:index/image:Image")
    assert {image.inputs["build"]["platform"] for image in images} == {"linux/arm64"}


def test_hosts_with_something_wrong_end_the_program_before_anything_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> dict[str, Facts]:
        raise HostsError("2 to fix")

    monkeypatch.setattr(cluster, "inspect", refuse)
    found = Cloud()
    with pytest.raises(pulumi.RunError, match="2 to fix"):
        run_program(found, tmp_path, **SETTINGS)
    assert [resource for resource in found.declared if resource.kind != "pulumi:pulumi:Stack"] == []
