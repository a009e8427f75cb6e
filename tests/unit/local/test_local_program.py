"""What the program declares on target local."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc

from infra.local import nodes
from infra.local.engine import Engine
from runtime.swarm_service.aging import GENERATED
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


def test_a_secret_is_a_file_of_the_workflow_managers_and_nowhere_in_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    found = Cloud()
    run_program(
        found,
        tmp_path,
        target="local",
        workflow_environment='{"MODEL": "m1"}',
        workflow_secrets='{"TOKEN": "s3cr3t"}',
    )
    services = {service.name: service.inputs for service in found.all("docker:index/service:Service")}
    mounted = {
        name: [each["fileName"] for each in service["taskSpec"]["containerSpec"]["secrets"]]
        for name, service in services.items()
    }
    assert "/run/workflow-secrets/flow/TOKEN" in mounted.pop("oodt-wmgr")
    assert not any("workflow-secrets" in path for paths in mounted.values() for path in paths)
    copy = found.one("pulumi-python:dynamic/workflows:Copy", "workflows")
    assert copy["variables"]["flow"]["TOKEN_FILE"] == "/run/workflow-secrets/flow/TOKEN"
    assert copy["variables"]["flow"]["MODEL"] == "m1"
    assert "s3cr3t" not in json.dumps([resource.inputs for resource in found.declared], default=str)
    secret = found.one("docker:index/secret:Secret", "flow-TOKEN")
    assert secret["data"][rpc._special_sig_key] == rpc._special_secret_sig  # so the state has it encrypted
    assert base64.b64decode(secret["data"]["value"]) == b"s3cr3t"
    assert hashlib.sha256(b"s3cr3t").hexdigest()[:12] not in secret["name"]


def test_a_workflow_manager_may_be_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    found = Cloud()
    run_program(found, tmp_path, target="local", wm_memory="2048", wm_cpus="1.5")
    service = found.one("docker:index/service:Service", "oodt-wmgr")
    assert service["taskSpec"]["resources"]["limits"] == {
        "memoryBytes": 2048 * 1024 * 1024,
        "nanoCpus": 1_500_000_000,
    }


def test_workflow_managers_have_the_image_that_all_workflows_have_added_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    folders = [workflow_folder(tmp_path / name, name) for name in ("first", "plain", "My_Flow")]
    (folders[0] / "Dockerfile").write_text("ARG OODT\nFROM ${OODT}\n")
    (folders[2] / "requirements.txt").write_text("numpy\n")
    listed = [{"event": folder.name, "dir": str(folder)} for folder in folders]
    found = Cloud()
    run_program(found, tmp_path, target="local", workflows=json.dumps(listed))
    images = {image.name: image.inputs for image in found.all("docker:index/image:Image")}
    (last,) = (name for name in images if name.startswith("oodt-my-flow-"))
    first, second = images["oodt-first-image"]["build"], images[last]["build"]
    assert first["args"] == {"OODT": "oodt-test-oodt:latest", "OODT_ID": "image@sha256:0"}
    assert (first["context"], first["dockerfile"]) == (str(folders[0]), str(folders[0] / "Dockerfile"))
    assert second["args"]["OODT"] == "oodt-test-oodt-first:latest"
    assert (second["context"], second["dockerfile"]) == (str(folders[2]), "images/programs/Dockerfile")
    assert set(copies(found, "RegistryImage")) == {
        "rabbitmq-copy",
        "oodt-copy",
        last.replace("image", "copy"),
    }
    pulled = {each.name for each in found.all("pulumi-python:dynamic/images:NodeImages")}
    assert pulled == {"rabbitmq-on-manager", "oodt-on-manager", last.replace("image", "on-worker")}


def test_the_service_that_scales_has_only_one_variable_and_so_one_order(declared: Cloud) -> None:
    services = {service.name: service.inputs for service in declared.all("docker:index/service:Service")}
    assert list(services["oodt-wmgr"]["taskSpec"]["containerSpec"]["env"]) == ["NODE_NAME"]


def test_the_swarm_service_alone_has_dockers_socket_and_it_listens_to_nobody(declared: Cloud) -> None:
    services = {service.name: service.inputs for service in declared.all("docker:index/service:Service")}
    containers = {name: service["taskSpec"]["containerSpec"] for name, service in services.items()}
    sockets = {
        name: mount["readOnly"]
        for name, container in containers.items()
        for mount in container.get("mounts", ())
        if mount["source"] == "/var/run/docker.sock"
    }
    assert sockets == {"oodt-swarm": True}
    assert not services["oodt-swarm"]["endpointSpec"].get("ports")
    assert [each["fileName"] for each in containers["oodt-swarm"]["secrets"]] == [
        "/run/secrets/rabbitmq_user_url"
    ]
    assert services["oodt-swarm"]["taskSpec"]["placement"]["constraints"] == ["node.role == manager"]


def test_prometheus_is_there_if_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    for asked, count in (("false", 0), ("true", 1)):
        found = Cloud()
        run_program(found, tmp_path / asked, target="local", prometheus=asked)
        services = found.all("docker:index/service:Service")
        assert [service.name for service in services].count("oodt-prometheus") == count
    service = next(each.inputs for each in services if each.name == "oodt-prometheus")
    assert [port["publishedPort"] for port in service["endpointSpec"]["ports"]] == [9090]
    assert {copy.name for copy in found.all("pulumi-python:dynamic/images:NodeImages")} >= {
        "prometheus-on-manager"
    }


def test_the_status_service_knows_policies_and_events_as_the_workflow_managers_do(declared: Cloud) -> None:
    services = {each.name: each.inputs for each in declared.all("docker:index/service:Service")}
    specs = {name: service["taskSpec"]["containerSpec"] for name, service in services.items()}
    mounted = {
        name: {mount["target"]: mount for mount in specs[name]["mounts"]}
        for name in ("oodt-filemgr", "oodt-status")
    }
    folder = "/usr/local/oodt/workflows"
    assert mounted["oodt-status"][folder] == mounted["oodt-filemgr"][folder]
    assert mounted["oodt-status"][folder]["readOnly"]
    assert f"EVENTS={specs['oodt-status']['env']['EVENTS']}" in specs["oodt-wmgr"]["commands"]


def test_the_passwords_that_an_alarm_lets_renew_are_those_of_the_program(declared: Cloud) -> None:
    passwords = {each.name for each in declared.all("pulumi-python:dynamic/credentials:Password")}
    assert set(GENERATED.values()) == passwords


def test_the_address_of_the_webhook_is_a_file_of_the_status_service_and_nowhere_in_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    found = Cloud()
    url = "https://alarms.example.org/s3cr3t"
    run_program(found, tmp_path, target="local", alarm_webhook=url)
    files = {
        service.name: [
            each["fileName"] for each in service.inputs["taskSpec"]["containerSpec"].get("secrets", [])
        ]
        for service in found.all("docker:index/service:Service")
    }
    assert [name for name, paths in files.items() if "/run/secrets/alarm_webhook" in paths] == ["oodt-status"]
    secret = found.one("docker:index/secret:Secret", "alarm-webhook")
    assert secret["data"][rpc._special_sig_key] == rpc._special_secret_sig
    others = [each.inputs for each in found.declared if each.name != "alarm-webhook"]
    assert "s3cr3t" not in json.dumps(others, default=str)
