"""Contracts of docker:index/secret:Secret and docker:index/serviceConfig:ServiceConfig."""

from __future__ import annotations

import base64
import json

import pytest

from tests.contract.conftest import Make
from tests.contract.plugin import Plugin

SECRET = "docker:index/secret:Secret"
CONFIG = "docker:index/serviceConfig:ServiceConfig"
ONE, TWO = (base64.b64encode(text).decode() for text in (b"one", b"two"))
both = pytest.mark.parametrize("token", [SECRET, CONFIG])


@both
def test_it_does_not_change_by_itself(swarm: Plugin, make: Make, unique: str, token: str) -> None:
    inputs = {"name": unique, "data": ONE}
    made = make(swarm, token, inputs)
    assert made.outputs["name"] == unique
    assert made.outputs["data"] == ONE
    assert not swarm.diff(made, inputs).changes
    refreshed = swarm.read(made)
    assert refreshed is not None
    assert refreshed.outputs["data"] == ONE
    assert not swarm.diff(refreshed, inputs).changes


@both
def test_other_data_replaces_it(swarm: Plugin, make: Make, unique: str, token: str) -> None:
    made = make(swarm, token, {"name": unique, "data": ONE})
    diff = swarm.diff(made, {"name": unique, "data": TWO})
    assert diff.replaces == ("data",)
    assert diff.delete_before_replace


@both
def test_one_that_is_named_by_the_plugin_may_be_made_before_the_old_one_goes(
    swarm: Plugin, make: Make, token: str
) -> None:
    made = make(swarm, token, {"data": ONE})
    diff = swarm.diff(made, {"data": TWO})
    assert diff.replaces == ("data",)
    assert not diff.delete_before_replace


@both
def test_a_deleted_one_is_gone(swarm: Plugin, make: Make, unique: str, token: str) -> None:
    made = make(swarm, token, {"name": unique, "data": ONE})
    swarm.delete(made)
    assert swarm.read(made) is None


@both
def test_data_that_is_not_base64_is_refused_before_docker_is_asked(local: Plugin, token: str) -> None:
    _, failures = local.check(local.urn(token, "it"), {"name": "x", "data": "not base64!"})
    assert failures


def test_refused_secret_data_is_not_shown(local: Plugin, is_substitute: bool) -> None:
    if not is_substitute:
        pytest.skip("the vendor's plugin shows it")
    _, failures = local.check(local.urn(SECRET, "it"), {"name": "x", "data": "not base64!"})
    assert "not base64!" not in json.dumps(failures)


def test_raw_data_of_a_config_is_kept_as_it_is(swarm: Plugin, make: Make, unique: str) -> None:
    inputs = {"name": unique, "dataRaw": "plain text"}
    made = make(swarm, CONFIG, inputs)
    refreshed = swarm.read(made)
    assert refreshed is not None
    assert refreshed.outputs["dataRaw"] == "plain text"
    assert not swarm.diff(refreshed, inputs).changes
