"""One cluster for the whole session of end-to-end tests, brought up once and destroyed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing import images
from testing.addresses import free_network
from testing.cluster import Cluster
from testing.no_route import forbidden
from testing.tools import require

IMAGES = ("node", "registry", "rabbitmq", "oodt")
DOCKER_VERSION = "docker version --format '{{.Server.Version}}'"


@pytest.fixture(scope="session")
def new_cluster(tmp_path_factory: pytest.TempPathFactory, docker_daemon: None) -> Iterator[Cluster]:
    with nothing_made_yet(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@contextmanager
def nothing_made_yet(folder: Path) -> Iterator[Cluster]:
    """A stack that nothing was made of yet; what is left of it at the end is removed.

    Its user has no route to the nodes, if this machine can have it so.
    """
    require("ssh")
    network = free_network(24)
    with forbidden(network) as group:
        cluster = Cluster.make(folder, str(network))
        cluster.group = group
        yield cluster
        cluster.destroy()


@pytest.fixture(scope="session")
def built(docker_daemon: None) -> None:
    """The images. Another process may be building them now, and `pulumi up` would not wait for it."""
    with ThreadPoolExecutor(len(IMAGES)) as pool:
        list(pool.map(images.build, IMAGES))


@pytest.fixture(scope="session")
def cluster(
    new_cluster: Cluster, built: None, record_testsuite_property: Callable[[str, object], None]
) -> Cluster:
    """The cluster, up with the defaults of the project."""
    new_cluster.up()
    record_testsuite_property("node-docker", new_cluster.manager(DOCKER_VERSION).strip())
    return new_cluster
