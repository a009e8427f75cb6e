"""Contract of docker:index/network:Network."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Make
from tests.contract.plugin import UNKNOWN, Plugin, Properties

TOKEN = "docker:index/network:Network"
SUBNET = "172.31.213.0/24"


@pytest.fixture
def inputs(unique: str) -> Properties:
    return {
        "name": unique,
        "ipamConfigs": [{"subnet": SUBNET}],
        "labels": [{"label": "a", "value": "1"}],
    }


def test_a_network_has_what_docker_chose_among_its_outputs(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    network = make(local, TOKEN, inputs)
    assert network.id == network.outputs["id"]
    assert network.outputs["name"] == inputs["name"]
    assert network.outputs["driver"] == "bridge"
    assert network.outputs["scope"] == "local"
    assert network.outputs["ipamDriver"] == "default"
    assert network.outputs["internal"] is False
    assert network.outputs["ipamConfigs"][0]["subnet"] == SUBNET


def test_a_network_does_not_change_by_itself(local: Plugin, make: Make, inputs: Properties) -> None:
    network = make(local, TOKEN, inputs)
    assert not local.diff(network, inputs).changes
    refreshed = local.read(network)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes
    assert refreshed.inputs["ipamConfigs"][0]["subnet"] == SUBNET


def test_a_network_is_replaced_when_it_changes(local: Plugin, make: Make, inputs: Properties) -> None:
    network = make(local, TOKEN, inputs)
    for name, value in (
        ("ipamConfigs", [{"subnet": "172.31.214.0/24"}]),
        ("labels", [{"label": "a", "value": "2"}]),
        ("internal", True),
        ("attachable", True),
        ("driver", "overlay"),
        ("name", "another"),
        ("name", UNKNOWN),
    ):
        diff = local.diff(network, {**inputs, name: value})
        assert diff.replaces == (name,)
        assert diff.delete_before_replace


def test_a_network_without_labels_is_replaced_when_it_had_some(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    network = make(local, TOKEN, inputs)
    assert local.diff(network, {"name": inputs["name"]}).replaces == ("labels",)


def test_a_deleted_network_is_gone(local: Plugin, make: Make, inputs: Properties) -> None:
    network = make(local, TOKEN, inputs)
    local.delete(network)
    assert local.read(network) is None


def test_the_preview_of_a_network_tells_what_is_not_known_yet(local: Plugin) -> None:
    preview = local.preview(TOKEN, "it", {"internal": True})
    assert preview["internal"] is True
    assert preview["driver"] == UNKNOWN
    assert preview["ipamConfigs"] == UNKNOWN
    assert preview["name"].startswith("it-")


def test_an_overlay_network_stays_unchanged(swarm: Plugin, make: Make, unique: str) -> None:
    inputs = {"name": unique, "driver": "overlay", "attachable": True}
    network = make(swarm, TOKEN, inputs)
    assert network.outputs["scope"] == "swarm"
    refreshed = swarm.read(network)
    assert refreshed is not None
    assert not swarm.diff(refreshed, inputs).changes
