"""What is said of a dockerd that is told on its command line which registries have no TLS."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.hosts.checks import registry_problems
from infra.hosts.facts import Docker
from infra.hosts.node.probe import registry_flags
from tests.unit.hosts.test_hosts_program import facts

REGISTRY = "10.0.0.1:5000"


def found(*arguments: str, accepted: tuple[str, ...] = ()) -> list[str]:
    manager = facts("ssh://ops@head", 1)
    assert isinstance(manager.docker, Docker)
    docker = replace(manager.docker, insecure=accepted, registry_flags=tuple(registry_flags(list(arguments))))
    return [
        f"{problem.what}. {problem.fix}"
        for problem in registry_problems(replace(manager, docker=docker), manager, "ssh head")
    ]


def test_a_dockerd_with_a_list_on_its_command_line_is_not_given_another_in_its_file() -> None:
    for accepted in ((), (REGISTRY,)):
        [text] = found("dockerd", "--insecure-registry", "other:5000", "--debug", accepted=accepted)
        assert f"add --insecure-registry {REGISTRY} to that command line" in text
        assert "accept_registry" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("dockerd", f"--insecure-registry={REGISTRY}"),
        ("dockerd", "--insecure-registry=other:5000", "--insecure-registry", "10.0.0.0/8"),
    ],
)
def test_a_dockerd_with_the_registry_on_its_command_line_passes(arguments: tuple[str, ...]) -> None:
    assert found(*arguments, accepted=(REGISTRY,)) == []


def test_a_dockerd_without_a_list_on_its_command_line_is_given_one_in_its_file() -> None:
    [text] = found("/usr/bin/dockerd", "-H", "fd://")
    assert "accept_registry" in text
