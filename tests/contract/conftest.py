"""The plugin under test, on this machine's docker and on a swarm over ssh; what it makes is removed again.

OODT_DOCKER_PLUGIN names another plugin's executable, such as the vendor's; else the one that Pulumi takes is
tested: the machine's own, or the project's substitute.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from testing import images
from testing.tools import require
from tests.contract.node import Node, swarm_node
from tests.contract.plugin import Plugin, PluginError, Properties, Resource, running
from toolchain import docker_plugin
from toolchain.paths import REPOSITORY

SUBSTITUTE = [sys.executable, "-u", "-m", "toolchain.docker_provider"]
Make = Callable[[Plugin, str, Properties], Resource]


@pytest.fixture(scope="session")
def command() -> list[str]:
    if named := os.environ.get("OODT_DOCKER_PLUGIN"):
        return [named]
    if (own := docker_plugin.own_plugin()) is not None:
        return [str(own / docker_plugin.EXECUTABLE if own.is_dir() else own)]
    return SUBSTITUTE


@pytest.fixture(scope="session")
def is_substitute(command: list[str]) -> bool:
    return command == SUBSTITUTE


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="session")
def local(docker_daemon: None, command: list[str], environment: dict[str, str]) -> Iterator[Plugin]:
    """The plugin for this machine's docker."""
    with running(command, environment, {}) as plugin:
        yield plugin


@pytest.fixture(scope="session")
def base(docker_daemon: None) -> str:
    """The image that every Dockerfile begins with."""
    return images.base()


@pytest.fixture(scope="session")
def node(
    base: str,
    tmp_path_factory: pytest.TempPathFactory,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Node]:
    """A swarm manager with a registry, which knows the base image."""
    require("ssh")
    with swarm_node(tmp_path_factory.mktemp("keys")) as node:
        registry = images.build("registry")
        for image in (base, registry):
            node.load(image)
        node.docker("run", "-d", "--network", "host", registry)
        record_testsuite_property("node-docker", node.docker("version", "--format", "'{{.Server.Version}}'"))
        yield node


@pytest.fixture(scope="session")
def over_ssh(node: Node) -> dict[str, str]:
    """The plugin's configuration for the node."""
    return {"host": node.host, "sshOpts": json.dumps(node.ssh_options)}


@pytest.fixture(scope="session")
def swarm(over_ssh: dict[str, str], command: list[str], environment: dict[str, str]) -> Iterator[Plugin]:
    """The plugin for the node's docker, over ssh."""
    with running(command, environment, over_ssh) as plugin:
        yield plugin


@pytest.fixture
def unique() -> str:
    """A name that nothing else has."""
    return f"contract-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes resources; those that are left at the end of the test are deleted, the last one first."""
    made: list[tuple[Plugin, Resource]] = []

    def make(plugin: Plugin, token: str, inputs: Properties) -> Resource:
        resource = plugin.create(token, "it", inputs)
        made.append((plugin, resource))
        return resource

    yield make
    for plugin, resource in reversed(made):
        with suppress(PluginError):  # the test has deleted it
            plugin.delete(resource)
