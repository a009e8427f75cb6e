"""Which ports of this machine a cluster publishes its services at."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from infra.local import engine, nodes, ports
from infra.local.engine import Engine
from runtime import names
from tests.unit.aws.cloud import Cloud, run_program

MANAGER = "oodt-test-manager"


def manager(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **found: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the manager publishes, and the stack's outputs, where docker was found so."""
    docker = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={}, **found)
    monkeypatch.setattr(nodes, "inspect", lambda: docker)
    outputs: dict[str, Any] = {}
    monkeypatch.setattr("pulumi.export", lambda name, value: outputs.update({name: value}))
    declared = Cloud()
    run_program(declared, folder, target="local")
    container = declared.one("docker:index/container:Container", "manager")
    return container.get("ports", []), outputs


def test_a_port_that_is_taken_gives_way_to_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports._is_free(port)


def test_no_two_services_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {names.STATUS_PORT, names.FILEMGR_PORT, names.STATUS_PORT + 1}
    monkeypatch.setattr(ports, "_is_free", lambda port: port not in taken)
    assert ports.choose() == {
        names.AMQP_PORT: names.AMQP_PORT,
        names.MANAGEMENT_PORT: names.MANAGEMENT_PORT,
        names.FILEMGR_PORT: names.FILEMGR_PORT + 1,
        names.STATUS_PORT: names.STATUS_PORT + 2,
        names.PROMETHEUS_PORT: names.PROMETHEUS_PORT,
    }


def test_a_new_manager_publishes_its_services_on_the_loopback_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _: True)
    published, _ = manager(tmp_path, monkeypatch)
    assert [(each["ip"], each["internal"], each["external"]) for each in published] == [
        ("127.0.0.1", port, port) for port in sorted(ports.SERVICES)
    ]


def test_a_manager_that_stands_keeps_its_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {port: port + 20_000 for port in ports.SERVICES}
    published, _ = manager(tmp_path, monkeypatch, ports={MANAGER: own})
    assert {each["internal"]: each["external"] for each in published} == own


def test_a_manager_from_before_there_were_ports_is_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert manager(tmp_path, monkeypatch, ports={MANAGER: {}})[0] == []


def test_a_docker_elsewhere_publishes_nothing_and_is_reached_through_a_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, outputs = manager(tmp_path, monkeypatch, is_here=False)
    assert published == []
    assert names.TUNNEL_OUTPUT in outputs


@pytest.mark.parametrize(
    ("docker_host", "here"),
    [
        ("", True),
        ("unix:///run/user/1000/docker.sock", True),
        ("tcp://localhost:2375", True),
        ("ssh://me@far", False),
        ("tcp://10.0.0.7:2376", False),
    ],
)
def test_a_docker_is_here_if_it_has_this_machines_loopback(docker_host: str, here: bool) -> None:
    assert engine.is_here(docker_host) is here


def test_the_ports_of_a_container_are_those_that_docker_tells() -> None:
    bindings = json.loads('{"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}')
    assert ports.published({"HostConfig": {"PortBindings": bindings}}) == {8080: 8081}
    assert ports.published({"HostConfig": {"PortBindings": None}}) == {}


@pytest.mark.parametrize(
    "own", [[], [{"HostIp": "", "HostPort": ""}], [{"HostIp": "", "HostPort": "8000-8009"}]]
)
def test_anybodys_container_may_have_a_name_that_ends_like_a_managers(own: list[dict[str, str]]) -> None:
    assert ports.published({"HostConfig": {"PortBindings": {"53/udp": own}}}) == {}
