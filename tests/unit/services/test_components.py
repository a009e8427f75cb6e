"""How the services are put together: parts of components, which wait for each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.hosts import cluster
from runtime import names
from tests.unit.aws.cloud import Cloud, run_program
from tests.unit.hosts import test_hosts_program as hosts
from tests.unit.services.registrations import STACK, Registrations

SERVICE = "oodt:services:Services$oodt:services:Service"


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registrations:
    monkeypatch.setattr(cluster, "inspect", hosts.inspect)
    found = Registrations(monkeypatch)
    run_program(Cloud(), tmp_path, **hosts.SETTINGS)
    return found


def declared(name: str) -> str:
    return f"{SERVICE}$docker:index/service:Service::{name}"


def converged(name: str) -> str:
    return f"{SERVICE}$pulumi-python:dynamic/services:Converged::{name}-converged"


@pytest.mark.parametrize(
    "name", ["registry", "oodt-rabbitmq", "oodt-filemgr", "oodt-status", "oodt-swarm", "oodt-wmgr"]
)
def test_a_service_and_its_wait_are_one_component(registered: Registrations, name: str) -> None:
    assert not registered.named(f"{SERVICE}::{name}").custom
    assert declared(name) in registered.named(converged(name)).dependencies


def test_a_service_that_needs_another_waits_until_that_runs(registered: Registrations) -> None:
    workflow_managers = registered.named(declared("oodt-wmgr")).dependencies
    assert {converged("oodt-rabbitmq"), converged("oodt-filemgr")} <= workflow_managers
    status = registered.named(declared("oodt-status")).dependencies
    assert converged("oodt-rabbitmq") in status and converged("oodt-filemgr") not in status


def test_every_service_is_in_the_network_which_comes_after_the_heartbeat(
    registered: Registrations,
) -> None:
    heartbeat = "oodt:services:Services$pulumi-python:dynamic/swarm:Heartbeat::heartbeat"
    network = f"oodt:services:Services$docker:index/network:Network::{names.NETWORK}"
    assert heartbeat in registered.named(network).dependencies
    services = [each for each in registered.all if "docker:index/service:Service::" in each.urn]
    assert len(services) >= 6 and all(network in each.dependencies for each in services)


def test_the_stack_has_but_two_parts_the_swarm_and_the_services(registered: Registrations) -> None:
    parts = {each.urn for each in registered.all if "$" not in each.urn and not each.urn.startswith(STACK)}
    assert parts == {"oodt:hosts:Nodes::nodes", "oodt:services:Services::services"}
