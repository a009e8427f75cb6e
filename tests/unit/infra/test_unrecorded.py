"""What docker has and the state does not know is removed before it is made again, and nothing else is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest

from infra import unrecorded
from infra.local import strays

SECRET = "docker:index/secret:Secret"


class Hook:
    """Stands for the engine, which would call the function before it makes a resource."""

    def __init__(self, _name: str, act: Callable[[Any], Any]) -> None:
        self.act = act


@dataclass
class Docker:
    """Has these things; fails where it is told to."""

    has: unrecorded.Found = field(default_factory=dict)
    silent: bool = False
    in_use: bool = False
    commands: list[str] = field(default_factory=list)
    looks: int = 0

    async def run(self, command: str) -> str:
        self.commands.append(command)
        if self.in_use:
            raise RuntimeError("something uses it")
        return ""

    async def find(self) -> unrecorded.Found:
        self.looks += 1
        if self.silent:
            raise RuntimeError("no answer")
        return self.has

    def makes(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
        """Have the engine make secrets of these names; the commands that docker got before."""
        monkeypatch.setattr(pulumi, "ResourceHook", Hook)
        bind = unrecorded.removed("docker", self.run, self.find)
        opts = pulumi.ResourceOptions()
        bound = bind(pulumi.ResourceTransformationArgs(None, SECRET, "it", {}, opts))  # type: ignore[arg-type]
        assert bound and bound.opts.hooks and bound.opts.hooks.before_create
        (hook,) = bound.opts.hooks.before_create

        async def make() -> None:
            for name in names:
                await hook.act(pulumi.ResourceHookArgs("urn", "", "it", SECRET, new_inputs={"name": name}))  # type: ignore[union-attr]

        asyncio.run(make())
        return self.commands


def test_a_thing_that_docker_has_goes_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker({("secret", "one"): ["secret rm one"], ("network", "two"): ["network rm two"]})
    assert docker.makes(monkeypatch, "one", "two") == ["secret rm one"]
    assert docker.looks == 1


@pytest.mark.parametrize("docker", [Docker(silent=True), Docker({("secret", "one"): ["rm"]}, in_use=True)])
def test_a_docker_that_fails_is_left_to_what_is_made_next(
    monkeypatch: pytest.MonkeyPatch, docker: Docker
) -> None:
    docker.makes(monkeypatch, "one")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The user's docker has a network with two containers, of which one lets the stack's key in."""
    commands = []

    def docker(*arguments: str) -> str:
        commands.append(" ".join(arguments))
        containers = [
            {"Name": "/oodt-dev-manager", "Config": {"Env": ["NODE_ROLE=manager", "AUTHORIZED_KEY=ours"]}},
            {"Name": "/other", "Config": {"Env": ["AUTHORIZED_KEY=theirs"]}},
        ]
        return {"ps": "1\n2\n", "inspect": json.dumps(containers), "network": "bridge\noodt-dev\n"}.get(
            arguments[0], ""
        )

    monkeypatch.setattr(strays, "docker", docker)
    return commands


def test_of_the_containers_in_the_nodes_network_only_the_stacks_own_are_removed(here: list[str]) -> None:
    remove = "container rm --force oodt-dev-manager"
    assert strays.unrecorded("oodt-dev", "ours") == {
        ("container", "oodt-dev-manager"): [remove],
        ("network", "oodt-dev"): [remove, "network rm oodt-dev"],
    }


def test_nodes_that_the_state_does_not_know_go_with_the_stack(here: list[str]) -> None:
    strays.StraysProvider().delete("oodt-dev", {"network": "oodt-dev", "public_key": "ours"})
    assert here[-1] == "rm --force oodt-dev-manager"


def test_a_network_and_volumes_that_the_state_does_not_know_go_with_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another stack's name may begin with this one's."""
    listings = {
        "network ls": "1 bridge\n2 oodt-dev\n3 oodt-dev-2\n",
        "volume ls": "oodt-dev-share\noodt-dev-worker12\noodt-dev-2-share\noodt-dev-2-worker1\n",
    }
    commands = []

    def docker(*arguments: str) -> str:
        commands.append(" ".join(arguments))
        return listings.get(" ".join(arguments[:2]), "")

    monkeypatch.setattr(strays, "docker", docker)
    strays.LeftoversProvider().delete("oodt-dev", {"prefix": "oodt-dev"})
    assert commands[-2:] == ["network rm 2", "volume rm oodt-dev-share oodt-dev-worker12"]
    listings.clear()
    commands.clear()
    strays.LeftoversProvider().delete("oodt-dev", {"prefix": "oodt-dev"})
    assert not [command for command in commands if " rm " in command]
