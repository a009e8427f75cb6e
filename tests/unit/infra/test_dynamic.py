"""What all providers of the project's own resources have in common."""

from __future__ import annotations

import importlib
import pickletools
from base64 import b64decode
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from infra import ssh, waiting
from infra.dynamic import Props, Provider
from infra.ssh import Identity
from infra.waiting import NotReadyError

# As the states of existing stacks name them.
IN_STATES = [
    "infra.base_image._BaseImageProvider",
    "infra.readiness._ManagerProvider",
    "infra.readiness._MemberProvider",
    "infra.ssh_key.KeyProvider",
    "infra.hosts.membership._ManagerProvider",
    "infra.hosts.membership._WorkerProvider",
    "infra.aws.readiness._JoinRecordProvider",
    "infra.aws.readiness._ManagerProvider",
    "infra.aws.readiness._WorkersProvider",
    "services.convergence.ConvergedProvider",
    "services.credentials._PasswordProvider",
    "services.image_copies.ManagerProvider",
    "services.image_copies.RegistryProvider",
    "services.image_copies.NodesProvider",
    "services.workflows.CopyProvider",
]


class Example(Provider):
    updated_by = ("size",)
    replaced_by = ("place",)
    limit = 0.05

    def act(self, props: Props) -> tuple[str, Props]:
        return props["place"], {**props, "made": props["size"]}


INPUTS = {"size": 1, "place": "here", "folder": "keys", "docker_host": "ssh://root@manager"}


@pytest.mark.parametrize("name", IN_STATES)
def test_the_state_has_a_provider_by_the_name_of_its_class_and_nothing_else(name: str) -> None:
    module, _, kind = name.rpartition(".")
    provider: Provider = getattr(importlib.import_module(module), kind)()
    content = b64decode(serialize_provider(provider))
    words = [argument for _, argument, _ in pickletools.genops(content) if isinstance(argument, str)]
    assert words == [module, kind]


def test_creating_and_updating_are_the_same_act() -> None:
    created = Example().create(INPUTS)
    assert (created.id, (created.outs or {})["made"]) == ("here", 1)
    assert (Example().update("here", INPUTS, {**INPUTS, "size": 2}).outs or {})["made"] == 2


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"size": 2}, True, []),
        ({"place": "there"}, True, ["place"]),
        ({"folder": "elsewhere", "__provider": "another"}, False, []),
    ],
)
def test_a_change_counts_only_in_the_inputs_that_are_named(
    change: dict[str, Any], changes: bool, replaces: list[str]
) -> None:
    difference = Example().diff("here", {**INPUTS, "made": 1}, INPUTS | change)
    assert (difference.changes, difference.replaces) == (changes, replaces)


def test_an_input_that_an_older_state_does_not_have_is_a_change() -> None:
    assert Example().diff("here", {"place": "here"}, INPUTS).changes


def test_a_command_is_run_on_the_resources_host_by_the_identity_of_its_folder_within_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[tuple[object, ...]] = []
    monkeypatch.setattr(ssh, "run", lambda *arguments, timeout, stdin: ran.append((*arguments, timeout)))
    Example().run(INPUTS, "true")
    assert ran == [(Identity(folder="keys"), "ssh://root@manager", "true", 0.05)]


def test_a_wait_ends_at_the_limit_with_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)
    with pytest.raises(NotReadyError, match=r"waited 0\.05 s for rain"):
        Example().wait("rain", lambda: None)
