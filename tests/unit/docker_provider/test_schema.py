"""How inputs become planned state, and which differences that makes."""

from __future__ import annotations

import pytest

from toolchain.docker_provider.schema import (
    Fields,
    applied,
    block,
    changes,
    flag,
    labels,
    listing,
    mapping,
    number,
    planned,
    problems,
    text,
    unordered,
    with_defaults,
)
from toolchain.docker_provider.values import UNKNOWN, Properties

PORT = block({"inner": number(required=True), "outer": number(computed=True), "kind": text(default="tcp")})
FIELDS: Fields = {
    "name": text(required=True, replaces=True),
    "size": number(),
    "start": flag(default=True),
    "chosen": text(computed=True),
    "options": mapping(),
    "tags": unordered(),
    "ports": listing(PORT, replaces=True),
    "labels": labels(replaces=True),
    "policy": block({"window": text(), "attempts": number()}, computed=True),
    "secret": text(allowed="^x", sensitive=True),
}


def difference(state: Properties, inputs: Properties) -> dict[str, tuple[str, bool]]:
    return {change.path: (change.verb.value, change.replaces) for change in changes(FIELDS, state, inputs)}


@pytest.mark.parametrize(
    ("state", "inputs", "expected"),
    [
        ({"size": 1}, {"size": 1}, {}),
        ({"size": 1}, {"size": 2}, {"size": ("update", False)}),
        ({"size": 1}, {}, {"size": ("delete", False)}),
        ({"size": 0}, {}, {}),
        ({}, {"size": 0}, {"size": ("add", False)}),
        ({"name": "a"}, {"name": "b"}, {"name": ("update", True)}),
        ({"name": "a"}, {"name": UNKNOWN}, {"name": ("update", True)}),
        ({"chosen": "by docker"}, {}, {}),
        ({"chosen": "by docker"}, {"chosen": "by us"}, {"chosen": ("update", False)}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, {}),
        ({"tags": ["a"]}, {"tags": []}, {"tags": ("update", False)}),
        ({"tags": []}, {}, {}),
        ({}, {"tags": []}, {}),
        ({"options": {"a": "1"}}, {"options": {"a": "2"}}, {"options": ("update", False)}),
        ({"policy": {"window": "0s"}}, {}, {}),
        ({"policy": {"window": "0s"}}, {"policy": {}}, {"policy.window": ("delete", False)}),
        ({"policy": {"attempts": 0}}, {"policy": {}}, {}),
        (
            {"labels": [{"label": "a", "value": "1"}]},
            {"labels": [{"label": "a", "value": "2"}]},
            {"labels": ("update", True)},
        ),
        (
            {"ports": [{"inner": 1, "outer": 7, "kind": "tcp"}]},
            {"ports": [{"inner": 1, "kind": "tcp"}]},
            {},
        ),
        (
            {"ports": [{"inner": 1, "kind": "tcp"}]},
            {"ports": [{"inner": 2, "kind": "tcp"}]},
            {"ports[0].inner": ("update", False)},
        ),
        (
            {"ports": [{"inner": 1, "kind": "tcp"}]},
            {"ports": [{"inner": 1, "kind": "tcp"}, {"inner": 2, "kind": "tcp"}]},
            {"ports[1]": ("add", True)},
        ),
    ],
)
def test_a_difference_is_told_by_path(
    state: Properties, inputs: Properties, expected: dict[str, tuple[str, bool]]
) -> None:
    assert difference(state, inputs) == expected


def test_a_changed_property_can_be_ignored_with_all_that_is_in_it() -> None:
    (change,) = changes(FIELDS, {"policy": {"window": "0s"}}, {"policy": {}})
    assert change.is_within(["policy"])
    assert change.is_within(["policy.window"])
    assert not change.is_within(["pol", "policy.attempts"])


def test_the_plan_keeps_what_docker_chose() -> None:
    state = {"name": "a", "size": 1, "chosen": "x", "policy": {"window": "0s"}, "ports": [{"outer": 7}]}
    inputs = {"name": "a", "policy": {"attempts": 2}, "ports": [{"inner": 1}]}
    assert planned(FIELDS, state, inputs) == {
        "name": "a",
        "chosen": "x",
        "policy": {"attempts": 2},
        "ports": [{"inner": 1, "outer": 7}],
    }


def test_after_a_change_sets_are_as_wanted_and_all_else_as_docker_tells() -> None:
    state = applied(FIELDS, {"tags": ["b"], "size": 1}, {"tags": ["a", "b"], "size": 2, "labels": [{}]})
    assert (state["tags"], state["size"], state["labels"]) == (["b"], 2, [])


def test_defaults_are_filled_in_at_every_depth() -> None:
    assert with_defaults(FIELDS, {"ports": [{"inner": 1}]}) == {
        "ports": [{"inner": 1, "kind": "tcp"}],
        "start": True,
    }


def test_what_is_wrong_is_told_by_path() -> None:
    found = dict(problems(FIELDS, {"ports": [{"outer": 1}], "colour": "red", "secret": "abc"}))
    assert found.keys() == {"name", "ports[0].inner", "colour", "secret"}
    assert "substitute" in found["colour"]
    assert "abc" not in found["secret"]


def test_an_unknown_value_is_not_checked() -> None:
    assert not list(problems(FIELDS, {"name": UNKNOWN, "secret": UNKNOWN, "ports": UNKNOWN}))
