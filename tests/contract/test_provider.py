"""Contract of the provider itself: its version, its configuration, and a preview without a connection."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.node import Node
from tests.contract.plugin import UNKNOWN, Plugin, PluginError, running
from toolchain.versions import DOCKER_PLUGIN

NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
NOWHERE = "ssh://root@127.0.0.1:1"  # no sshd listens there
QUICK = json.dumps(["-o", "ConnectTimeout=3", "-o", "BatchMode=yes"])


def test_it_has_the_version_that_the_sdk_asks_for(local: Plugin) -> None:
    assert local.version().removeprefix("v") == DOCKER_PLUGIN


def test_a_preview_needs_no_daemon(command: list[str], environment: dict[str, str]) -> None:
    with running(command, environment, {"host": NOWHERE, "sshOpts": QUICK}) as plugin:
        assert plugin.preview(NETWORK, "it", {})["driver"] == UNKNOWN


def test_a_daemon_that_cannot_be_reached_is_named(
    command: list[str], environment: dict[str, str], is_substitute: bool
) -> None:
    with running(command, environment, {"host": NOWHERE, "sshOpts": QUICK}) as plugin:
        with pytest.raises(PluginError) as refused:
            plugin.create(VOLUME, "it", {})
        if is_substitute:
            assert NOWHERE in str(refused.value)
            assert "Connection refused" in str(refused.value)


def test_a_value_that_is_not_allowed_is_refused(local: Plugin) -> None:
    _, failures = local.check(
        local.urn("docker:index/container:Container", "it"), {"image": "x", "restart": "maybe"}
    )
    assert len(failures) == 1
    assert "maybe" in failures[0]


def test_a_resource_below_another_is_known_by_its_own_type(local: Plugin) -> None:
    inputs, failures = local.check(local.urn(f"some:module:Component${VOLUME}", "it"), {})
    assert not failures
    assert inputs["name"].startswith("it-")


def test_many_calls_at_once_over_ssh_are_no_trouble(swarm: Plugin, node: Node) -> None:
    count = 24
    with ThreadPoolExecutor(count) as threads:
        volumes = list(threads.map(lambda number: swarm.create(VOLUME, f"v{number}", {}), range(count)))
        assert len({volume.id for volume in volumes}) == count
        list(threads.map(swarm.delete, volumes))
    assert not [volume for volume in volumes if swarm.read(volume)]


def test_the_connection_recovers_when_it_was_cut(swarm: Plugin, node: Node) -> None:
    volume = swarm.create(VOLUME, "it", {})
    node.run("pkill -x docker")  # the node's ends of the connections
    deadline = time.monotonic() + 10
    while node.run("pgrep -cx docker || true") != "0":
        assert time.monotonic() < deadline
    assert swarm.read(volume) is not None
    swarm.delete(volume)
