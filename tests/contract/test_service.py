"""Contract of docker:index/service:Service: read back, compared, updated, replaced, deleted."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.conftest import Make
from tests.contract.node import Node
from tests.contract.plugin import UNKNOWN, Plugin, Properties, Resource

TOKEN = "docker:index/service:Service"
NETWORK = "docker:index/network:Network"
SECRET = "docker:index/secret:Secret"
CONFIG = "docker:index/serviceConfig:ServiceConfig"
DATA = base64.b64encode(b"data").decode()
Path = tuple[str, ...]
CONTAINER: Path = ("taskSpec", "containerSpec")


def changed(inputs: Properties, path: Path, value: Any) -> Properties:
    """The inputs with another value at the path; None takes it out."""
    result = deepcopy(inputs)
    parent = result
    for name in path[:-1]:
        parent = parent[name]
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return result


@pytest.fixture
def inputs(swarm: Plugin, make: Make, base: str, unique: str) -> Properties:
    """A service that states everything that docker returns, so that nothing differs."""
    network = make(swarm, NETWORK, {"name": f"{unique}-net", "driver": "overlay"})
    secret = make(swarm, SECRET, {"name": f"{unique}-secret", "data": DATA})
    config = make(swarm, CONFIG, {"name": f"{unique}-config", "data": DATA})
    return {
        "name": unique,
        "labels": [{"label": "a", "value": "1"}],
        "taskSpec": {
            "containerSpec": {
                "image": base,
                "commands": ["sleep"],
                "args": ["600"],
                "hostname": "host",
                "env": {"A": "1", "B": "x=y"},
                "labels": [{"label": "b", "value": "2"}],
                "mounts": [
                    {"type": "volume", "source": f"{unique}-volume", "target": "/data"},
                    {"type": "bind", "source": "/tmp", "target": "/there", "readOnly": True},
                ],
                "secrets": [
                    {"secretId": secret.id, "secretName": f"{unique}-secret", "fileName": "/run/secrets/s"}
                ],
                "configs": [
                    {
                        "configId": config.id,
                        "configName": f"{unique}-config",
                        "fileName": "/c",
                        "fileMode": 0o400,
                    }
                ],
                "healthcheck": {"tests": ["CMD", "true"], "interval": "1s", "timeout": "2s", "retries": 3},
                "stopGracePeriod": "30s",
                "init": True,
            },
            "resources": {"limits": {"memoryBytes": 64 << 20, "nanoCpus": 500_000_000}},
            "restartPolicy": {"condition": "any", "delay": "1s", "maxAttempts": 0, "window": "0s"},
            "placement": {
                "constraints": ["node.role==manager"],
                "maxReplicas": 3,
                "platforms": [{"architecture": "amd64", "os": "linux"}],
            },
            "networksAdvanceds": [{"id": network.id, "aliases": ["friend"]}],
            "logDriver": {"name": "json-file", "options": {"max-size": "1m"}},
        },
        "mode": {"replicated": {"replicas": 1}},
        "updateConfig": {"parallelism": 1, "monitor": "1s", "order": "stop-first"},
        "rollbackConfig": {"parallelism": 1, "monitor": "1s"},
        "endpointSpec": {
            "mode": "dnsrr",
            "ports": [{"targetPort": 80, "publishedPort": 8080, "publishMode": "host"}],
        },
        "convergeConfig": {"delay": "1s", "timeout": "60s"},
    }


@pytest.fixture
def service(swarm: Plugin, make: Make, inputs: Properties) -> Resource:
    return make(swarm, TOKEN, inputs)


def running_tasks(node: Node, service: Resource) -> set[str]:
    return set(node.docker("service", "ps", "-q", "-f", "desired-state=running", service.id).split())


def test_a_service_that_states_all_does_not_change_by_itself(
    swarm: Plugin, node: Node, service: Resource, inputs: Properties
) -> None:
    assert len(running_tasks(node, service)) == 1
    assert not swarm.diff(service, inputs).changes
    refreshed = swarm.read(service)
    assert refreshed is not None
    assert refreshed.inputs["taskSpec"]["containerSpec"]["env"] == {"A": "1", "B": "x=y"}
    assert not swarm.diff(refreshed, inputs).changes


def test_a_service_with_the_least_that_is_needed_does_not_change_by_itself(
    swarm: Plugin, make: Make, base: str, unique: str
) -> None:
    inputs = {"name": unique, "taskSpec": {"containerSpec": {"image": base, "commands": ["sleep", "600"]}}}
    inputs["endpointSpec"] = {"mode": "dnsrr"}
    service = make(swarm, TOKEN, inputs)
    refreshed = swarm.read(service)
    assert refreshed is not None
    assert refreshed.outputs["mode"] == {"global": False, "replicated": {"replicas": 1}}
    assert refreshed.outputs["taskSpec"]["containerSpec"]["stopGracePeriod"] == "0s"
    assert refreshed.outputs["taskSpec"]["containerSpec"]["isolation"] == "default"
    assert not swarm.diff(refreshed, inputs).changes


def test_the_changes_of_a_service_are_told_in_place_or_as_replacement(
    swarm: Plugin, service: Resource, inputs: Properties
) -> None:
    mounts = [{"type": "volume", "source": "other", "target": "/data"}]
    in_place: list[tuple[Path, Any]] = [
        (("labels",), [{"label": "a", "value": "2"}]),
        (("mode", "replicated", "replicas"), 2),
        ((*CONTAINER, "image"), "other"),
        ((*CONTAINER, "image"), UNKNOWN),
        ((*CONTAINER, "env"), {"A": "2"}),
        ((*CONTAINER, "args"), ["601"]),
        ((*CONTAINER, "mounts"), mounts),
        ((*CONTAINER, "secrets"), None),
        ((*CONTAINER, "configs"), None),
        ((*CONTAINER, "healthcheck", "interval"), "2s"),
        ((*CONTAINER, "stopGracePeriod"), "31s"),
        (("taskSpec", "resources", "limits", "memoryBytes"), 128 << 20),
        (("taskSpec", "resources", "limits"), None),
        (("taskSpec", "restartPolicy", "condition"), "none"),
        (("taskSpec", "placement", "constraints"), ["node.role==worker"]),
        (("taskSpec", "placement", "maxReplicas"), None),
        (("taskSpec", "logDriver"), None),
        (("updateConfig",), None),
        (("updateConfig", "order"), "start-first"),
        (("endpointSpec", "ports"), []),
        (("convergeConfig", "timeout"), "61s"),
    ]
    for path, value in in_place:
        diff = swarm.diff(service, changed(inputs, path, value))
        assert diff.changes, path
        assert not diff.replaces, path
    replacements: list[tuple[Path, Any]] = [
        (("name",), "other"),
        ((*CONTAINER, "labels"), [{"label": "b", "value": "3"}]),
        ((*CONTAINER, "hosts"), [{"host": "h", "ip": "10.0.0.1"}]),
        (("taskSpec", "networksAdvanceds"), [{"id": "other"}]),
    ]
    for path, value in replacements:
        diff = swarm.diff(service, changed(inputs, path, value))
        assert diff.replaces, path
        assert diff.delete_before_replace, path


def test_what_docker_would_choose_may_be_left_out_later(
    swarm: Plugin, service: Resource, inputs: Properties
) -> None:
    left_out: list[Path] = [
        ("labels",),
        ("mode",),
        ("endpointSpec",),
        ("taskSpec", "resources"),
        ("taskSpec", "restartPolicy"),
        ("taskSpec", "placement"),
        ("taskSpec", "restartPolicy", "maxAttempts"),
        ("taskSpec", "restartPolicy", "window"),
        (*CONTAINER, "healthcheck"),
        (*CONTAINER, "stopGracePeriod"),
        (*CONTAINER, "init"),
    ]
    differing = [path for path in left_out if swarm.diff(service, changed(inputs, path, None)).changes]
    assert differing == [("taskSpec", "restartPolicy", "window")]  # "0s" is a value, not an absence


def test_a_network_that_is_stated_by_its_name_replaces_the_service_after_a_refresh(
    swarm: Plugin, make: Make, inputs: Properties
) -> None:
    inputs["taskSpec"]["networksAdvanceds"] = [{"name": f"{inputs['name']}-net"}]
    service = make(swarm, TOKEN, inputs)
    assert not swarm.diff(service, inputs).changes
    refreshed = swarm.read(service)
    assert refreshed is not None
    assert swarm.diff(refreshed, inputs).replaces


def test_platforms_that_are_not_stated_differ_after_a_refresh(
    swarm: Plugin, node: Node, make: Make, base: str, inputs: Properties
) -> None:
    image = f"{node.registry}/{inputs['name']}:v1"
    node.docker("tag", base, image)
    node.docker("push", "-q", image)
    digest = node.docker("image", "inspect", "-f", "'{{index .RepoDigests 0}}'", image)
    assert digest.startswith(node.registry)
    inputs["taskSpec"]["containerSpec"]["image"] = digest
    stated = deepcopy(inputs)
    del inputs["taskSpec"]["placement"]["platforms"]
    service = make(swarm, TOKEN, inputs)
    assert not swarm.diff(service, inputs).changes
    refreshed = swarm.read(service)
    assert refreshed is not None
    assert refreshed.outputs["taskSpec"]["containerSpec"]["image"] == digest
    assert list(swarm.diff(refreshed, inputs).detailed) == ["taskSpec.placement.platforms"]
    assert not swarm.diff(refreshed, stated).changes


def test_an_update_replaces_the_tasks_and_adding_replicas_does_not(
    swarm: Plugin, node: Node, service: Resource, inputs: Properties
) -> None:
    # Two variables may reach docker in another order, which it takes for a change.
    one = changed(inputs, (*CONTAINER, "env"), {"A": "1"})
    one["endpointSpec"]["ports"] = []
    begun = swarm.update(service, one)
    first = running_tasks(node, service)
    two = changed(one, ("mode", "replicated", "replicas"), 2)
    scaled = swarm.update(begun, two)
    assert len(running_tasks(node, service)) == 2
    assert first < running_tasks(node, service)
    other = changed(two, (*CONTAINER, "env"), {"A": "2"})
    updated = swarm.update(scaled, other)
    assert len(running_tasks(node, service)) == 2
    assert not first & running_tasks(node, service)
    assert updated.outputs["taskSpec"]["containerSpec"]["env"] == {"A": "2"}
    assert not swarm.diff(updated, other).changes


def test_a_deleted_service_is_gone_and_its_network_is_free(
    swarm: Plugin, make: Make, base: str, unique: str
) -> None:
    network = make(swarm, NETWORK, {"name": unique, "driver": "overlay"})
    task = {
        "containerSpec": {"image": base, "commands": ["sleep", "600"]},
        "networksAdvanceds": [{"id": network.id}],
    }
    service = make(swarm, TOKEN, {"name": unique, "taskSpec": task, "endpointSpec": {"mode": "dnsrr"}})
    swarm.delete(service)
    assert swarm.read(service) is None
    swarm.delete(network)
    assert swarm.read(network) is None


def test_several_services_come_up_at_once(swarm: Plugin, base: str, unique: str) -> None:
    def create(number: int) -> Resource:
        task = {"containerSpec": {"image": base, "commands": ["sleep", "600"]}}
        inputs = {"name": f"{unique}-{number}", "taskSpec": task, "endpointSpec": {"mode": "dnsrr"}}
        return swarm.create(
            TOKEN, f"s{number}", {**inputs, "convergeConfig": {"delay": "1s", "timeout": "60s"}}
        )

    with ThreadPoolExecutor(6) as threads:
        services = list(threads.map(create, range(6)))
        list(threads.map(swarm.delete, services))
    assert len({service.id for service in services}) == 6


def test_a_bad_value_is_refused_before_docker_is_asked(local: Plugin) -> None:
    inputs = {
        "taskSpec": {"containerSpec": {"image": "x", "stopGracePeriod": "soon"}},
        "mode": {"replicated": {"replicas": -1}},
        "updateConfig": {"failureAction": "panic"},
    }
    _, failures = local.check(local.urn(TOKEN, "it"), inputs)
    text = "\n".join(failures)
    assert "soon" in text
    assert "-1" in text
    assert "panic" in text
