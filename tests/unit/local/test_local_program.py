"""What the program declares on target local."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.local import nodes
from infra.local.engine import Engine
from tests.unit.aws.cloud import Cloud, run_program, workflow_folder


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    found = Cloud()
    run_program(found, tmp_path, target="local")
    return found


def copies(declared: Cloud, kind: str) -> dict[str, dict[str, Any]]:
    return {copy.name: copy.inputs for copy in declared.all(f"pulumi-python:dynamic/images:{kind}")}


def test_every_image_is_built_on_the_users_docker_and_not_pushed_by_it(declared: Cloud) -> None:
    images = {image.name: image.inputs for image in declared.all("docker:index/image:Image")}
    assert set(images) == {"node-image", "registry-image", "rabbitmq-image", "oodt-image"}
    assert all(image["skipPush"] for image in images.values())
    assert images["oodt-image"]["imageName"] == "oodt-test-oodt:latest"


def test_images_are_copied_to_this_manager_and_used_by_their_names_there(declared: Cloud) -> None:
    on_manager, in_registry = copies(declared, "ManagerImage"), copies(declared, "RegistryImage")
    assert set(on_manager) == {"registry-copy"}
    assert set(in_registry) == {"rabbitmq-copy", "oodt-copy"}
    for copy in (*on_manager.values(), *in_registry.values()):
        assert (copy["image"], copy["manager"]) == ("image@sha256:0", "manager-id")
    assert {copy["place"] for copy in in_registry.values()} == {"10.213.0.10:5000"}
    services = declared.all("docker:index/service:Service")
    assert {service.inputs["taskSpec"]["containerSpec"]["image"] for service in services} == {"copied"}


def test_nodes_have_fixed_addresses_near_the_start_of_the_subnet(declared: Cloud) -> None:
    (network,) = declared.all("docker:index/network:Network")[:1]
    assert network.inputs["ipamConfigs"] == [{"subnet": "10.213.0.0/24", "gateway": "10.213.0.1"}]
    nodes = {node.name: node.inputs for node in declared.all("docker:index/container:Container")}
    addresses = {name: node["networksAdvanced"][0]["ipv4Address"] for name, node in nodes.items()}
    assert addresses == {"manager": "10.213.0.10", "worker1": "10.213.0.11", "worker2": "10.213.0.12"}


def test_a_folder_that_serves_two_events_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        nodes,
        "inspect",
        lambda: Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={}),
    )
    folder = workflow_folder(tmp_path / "both", "first", "second")
    listed = [{"event": event, "dir": str(folder), "max_workflows": 2} for event in ("first", "second")]
    found = Cloud()
    run_program(found, tmp_path, target="local", workflows=json.dumps(listed))
    copies = found.all("pulumi-python:dynamic/workflows:Copy")
    assert [copy.inputs["directories"] for copy in copies] == [[str(folder)], [str(folder)]]
    services = {service.name: service.inputs for service in found.all("docker:index/service:Service")}
    command = services["oodt-wmgr"]["taskSpec"]["containerSpec"]["commands"]
    assert {"WORKFLOW_QUEUE=first,second", "MAX_WORKFLOWS=4"} < set(command)


def test_the_service_that_scales_has_only_one_variable_and_so_one_order(declared: Cloud) -> None:
    services = {service.name: service.inputs for service in declared.all("docker:index/service:Service")}
    assert list(services["oodt-wmgr"]["taskSpec"]["containerSpec"]["env"]) == ["NODE_NAME"]
