"""Contract of docker:index/volume:Volume."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Make
from tests.contract.plugin import UNKNOWN, Plugin, Properties

TOKEN = "docker:index/volume:Volume"


@pytest.fixture
def inputs(unique: str) -> Properties:
    return {"name": unique, "labels": [{"label": "a", "value": "1"}]}


def test_a_volume_without_a_name_gets_one_and_keeps_it(local: Plugin, make: Make) -> None:
    volume = make(local, TOKEN, {})
    assert volume.outputs["name"].startswith("it-")
    assert volume.id == volume.outputs["name"]
    assert not local.diff(volume, {}).changes


def test_a_volume_has_what_docker_chose_among_its_outputs(
    local: Plugin, make: Make, inputs: Properties
) -> None:
    volume = make(local, TOKEN, inputs)
    assert volume.outputs["driver"] == "local"
    assert volume.outputs["mountpoint"].endswith(f"/{inputs['name']}/_data")


def test_a_volume_does_not_change_by_itself(local: Plugin, make: Make, inputs: Properties) -> None:
    volume = make(local, TOKEN, inputs)
    assert not local.diff(volume, inputs).changes
    refreshed = local.read(volume)
    assert refreshed is not None
    assert not local.diff(refreshed, inputs).changes


def test_a_volume_is_replaced_when_it_changes(local: Plugin, make: Make, inputs: Properties) -> None:
    volume = make(local, TOKEN, inputs)
    for name, value in (
        ("name", "other"),
        ("labels", []),
        ("driver", "other"),
        ("driverOpts", {"type": "tmpfs"}),
    ):
        assert local.diff(volume, {**inputs, name: value}).replaces == (name,)


def test_a_volume_with_a_name_of_its_own_may_be_made_before_the_old_one_goes(
    local: Plugin, make: Make
) -> None:
    volume = make(local, TOKEN, {})
    assert not local.diff(volume, {"driver": "other"}).delete_before_replace


def test_a_deleted_volume_is_gone(local: Plugin, make: Make, inputs: Properties) -> None:
    volume = make(local, TOKEN, inputs)
    local.delete(volume)
    assert local.read(volume) is None


def test_the_preview_of_a_volume_tells_what_is_not_known_yet(local: Plugin) -> None:
    preview = local.preview(TOKEN, "it", {"name": UNKNOWN})
    assert preview["name"] == UNKNOWN
    assert preview["mountpoint"] == UNKNOWN
