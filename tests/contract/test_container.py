"""Contract of docker:index/container:Container."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Make
from tests.contract.node import run
from tests.contract.plugin import UNKNOWN, Plugin, PluginError, Properties, Resource

TOKEN = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
SUBNET, ADDRESS = "172.31.215.0/24", "172.31.215.10"


@pytest.fixture
def inputs(base: str, unique: str) -> Properties:
    return {
        "name": unique,
        "image": base,
        "command": ["sleep", "600"],
        "envs": ["A=1", "B=2"],
        "labels": [{"label": "a", "value": "1"}],
        "capabilities": {"adds": ["CAP_NET_ADMIN"], "drops": ["CAP_MKNOD"]},
        "securityOpts": ["apparmor=unconfined", "seccomp=unconfined"],
        "tmpfs": {"/scratch": ""},
        "restart": "unless-stopped",
        "init": True,
    }


@pytest.fixture
def container(local: Plugin, make: Make, inputs: Properties) -> Resource:
    return make(local, TOKEN, inputs)


def shell(container: Resource, command: str) -> str:
    return run("docker", "exec", container.id, "sh", "-c", command)


def test_a_container_has_the_defaults_among_its_outputs(container: Resource, inputs: Properties) -> None:
    assert container.outputs["name"] == inputs["name"]
    assert container.outputs["mustRun"] is True
    assert container.outputs["networkMode"] == "bridge"
    assert container.outputs["logDriver"] == "json-file"
    assert container.outputs["removeVolumes"] is True
    assert container.outputs["networkDatas"][0]["networkName"] == "bridge"
    assert container.outputs["networkDatas"][0]["ipAddress"]


def test_a_container_does_not_change_by_itself(
    local: Plugin, container: Resource, inputs: Properties
) -> None:
    assert not local.diff(container, inputs).changes
    refreshed = local.read(container)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes


def test_capabilities_are_read_back_with_their_full_names(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    inputs["capabilities"] = {"adds": ["NET_ADMIN"], "drops": ["CAP_MKNOD"]}
    container = make(local, TOKEN, inputs)
    assert not local.diff(container, inputs).changes
    refreshed = local.read(container)
    assert refreshed is not None
    assert refreshed.outputs["capabilities"]["adds"] == ["CAP_NET_ADMIN"]
    assert local.diff(refreshed, inputs).replaces == ("capabilities",)


def test_unconfined_system_paths_are_not_read_back(local: Plugin, make: Make, inputs: Properties) -> None:
    inputs["securityOpts"].append("systempaths=unconfined")
    container = make(local, TOKEN, inputs)
    assert not shell(container, "grep ' /proc/[a-z]' /proc/self/mountinfo || true")
    assert not local.diff(container, inputs).changes
    refreshed = local.read(container)
    assert refreshed is not None
    assert sorted(refreshed.outputs["securityOpts"]) == ["apparmor=unconfined", "seccomp=unconfined"]
    assert local.diff(refreshed, inputs).replaces == ("securityOpts",)
    assert not local.diff(refreshed, inputs, ignore=["securityOpts"]).changes


def test_the_changes_of_a_container_are_told_in_place_or_as_replacement(
    local: Plugin, container: Resource, inputs: Properties
) -> None:
    in_place: Properties = {
        "restart": "no",
        "memory": 256,
        "init": False,
        "tmpfs": {"/other": ""},
        "destroyGraceSeconds": 3,
        "healthcheck": {"tests": ["CMD", "true"]},
    }
    for name, value in in_place.items():
        diff = local.diff(container, {**inputs, name: value})
        assert diff.changes, name
        assert not diff.replaces, name
    replacements: Properties = {
        "name": "another",
        "image": UNKNOWN,
        "command": ["sleep", "601"],
        "envs": ["A=1"],
        "hostname": "other",
        "labels": [{"label": "a", "value": "2"}],
        "capabilities": {"adds": ["ALL"], "drops": ["CAP_MKNOD"]},
        "securityOpts": ["seccomp=unconfined"],
        "mounts": [{"type": "bind", "source": "/tmp", "target": "/x"}],
        "volumes": [{"hostPath": "/tmp", "containerPath": "/x"}],
        "ports": [{"internal": 80}],
        "uploads": [{"file": "/x", "content": "x"}],
        "networksAdvanced": [{"name": "other"}],
        "cgroupnsMode": "private",
        "privileged": True,
        "user": "nobody",
        "logOpts": {"max-size": "1m"},
    }
    for name, value in replacements.items():
        diff = local.diff(container, {**inputs, name: value})
        assert diff.replaces == (name,)
        assert diff.delete_before_replace


def test_what_docker_would_choose_may_be_left_out_later(
    local: Plugin, container: Resource, inputs: Properties
) -> None:
    for left_out in ("envs", "labels", "init", "securityOpts", "command"):
        fewer = {name: inputs[name] for name in inputs if name != left_out}
        assert not local.diff(container, fewer).changes, left_out


def test_limits_change_while_the_container_runs(
    local: Plugin, container: Resource, inputs: Properties
) -> None:
    wanted = {**inputs, "restart": "no", "memory": 256, "memorySwap": 512}
    updated = local.update(container, wanted)
    assert run("docker", "inspect", "-f", "{{.HostConfig.Memory}}", container.id) == str(256 << 20)
    assert run("docker", "inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", container.id) == "no"
    assert not local.diff(updated, wanted).changes


def test_memory_without_swap_differs_since_docker_chooses_one(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    inputs["memory"] = 256
    container = make(local, TOKEN, inputs)
    assert container.outputs["memorySwap"] == 512
    assert list(local.diff(container, inputs).detailed) == ["memorySwap"]


def test_a_container_sits_in_its_own_network_at_its_address(
    local: Plugin, make: Make, inputs: Properties, unique: str
) -> None:
    network = make(local, NETWORK, {"name": f"{unique}-net", "ipamConfigs": [{"subnet": SUBNET}]})
    inputs["networksAdvanced"] = [{"name": network.id, "ipv4Address": ADDRESS, "aliases": ["friend"]}]
    container = make(local, TOKEN, inputs)
    (data,) = container.outputs["networkDatas"]
    assert (data["networkName"], data["ipAddress"]) == (f"{unique}-net", ADDRESS)
    assert shell(container, "getent hosts friend").startswith(ADDRESS)
    refreshed = local.read(container)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes


def test_volumes_mounts_ports_and_uploads_are_there(
    local: Plugin, make: Make, inputs: Properties, unique: str
) -> None:
    volume = make(local, VOLUME, {"name": f"{unique}-volume"})
    inputs["volumes"] = [
        {"volumeName": volume.outputs["name"], "containerPath": "/data"},
        {"hostPath": "/sys/fs/cgroup", "containerPath": "/sys/fs/cgroup"},
    ]
    inputs["mounts"] = [
        {"type": "volume", "source": volume.outputs["name"], "target": "/again", "readOnly": True}
    ]
    inputs["ports"] = [{"internal": 80, "ip": "127.0.0.1"}]
    inputs["uploads"] = [
        {"file": "/etc/one", "content": "one"},
        {"file": "/etc/two", "contentBase64": "dHdv", "permissions": "0600"},
        {"file": "/etc/three", "content": "three", "executable": True},
    ]
    container = make(local, TOKEN, inputs)
    assert shell(container, "echo kept >/data/file && cat /again/file") == "kept"
    with pytest.raises(RuntimeError, match="Read-only"):
        shell(container, "touch /again/other")
    assert shell(container, "cat /etc/one /etc/two /etc/three") == "onetwothree"
    assert shell(container, "stat -c %a /etc/one /etc/two /etc/three").split() == ["644", "600", "744"]
    (port,) = container.outputs["ports"]
    assert port["external"] > 0
    refreshed = local.read(container)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes


def test_a_container_that_has_stopped_shows_as_a_difference_and_is_started_again(
    local: Plugin, container: Resource, inputs: Properties
) -> None:
    run("docker", "stop", "-t", "0", container.id)
    refreshed = local.read(container)
    assert refreshed is not None
    assert refreshed.outputs["mustRun"] is False
    assert local.diff(refreshed, inputs).detailed == {"mustRun": "UPDATE"}
    local.update(refreshed, inputs)
    assert run("docker", "inspect", "-f", "{{.State.Running}}", container.id) == "true"


def test_the_creation_waits_for_the_container_to_be_healthy(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    inputs["healthcheck"] = {"tests": ["CMD", "test", "-e", "/ready"], "interval": "1s", "retries": 30}
    inputs["command"] = ["sh", "-c", "sleep 2; touch /ready; sleep 600"]
    inputs["wait"] = True
    container = make(local, TOKEN, inputs)
    assert run("docker", "inspect", "-f", "{{.State.Health.Status}}", container.id) == "healthy"
    assert not local.diff(container, inputs).changes


def test_a_container_that_does_not_start_is_told_with_the_reason(
    local: Plugin, make: Make, inputs: Properties, is_substitute: bool
) -> None:
    inputs |= {"command": ["/no/such/program"], "init": False}
    with pytest.raises(PluginError, match="/no/such/program"):
        make(local, TOKEN, inputs)
    left = run("docker", "ps", "-aq", "--filter", f"name={inputs['name']}")
    if is_substitute:  # the vendor's leaves it to the next update
        assert not left
    for id in left.split():
        run("docker", "rm", "-f", id)


def test_a_deleted_container_is_gone_with_its_anonymous_volumes(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    inputs["volumes"] = [{"containerPath": "/anonymous"}]
    container = make(local, TOKEN, inputs)
    volume = run("docker", "inspect", "-f", "{{(index .Mounts 0).Name}}", container.id)
    local.delete(container)
    assert local.read(container) is None
    assert not run("docker", "volume", "ls", "-q", "--filter", f"name={volume}")


def test_an_image_that_is_named_by_its_id_stays_so(local: Plugin, make: Make, inputs: Properties) -> None:
    inputs["image"] = run("docker", "image", "inspect", "-f", "{{.Id}}", inputs["image"])
    container = make(local, TOKEN, inputs)
    refreshed = local.read(container)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes
