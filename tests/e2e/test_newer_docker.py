"""Target local with nodes that have a newer docker, that of the next release of Debian."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from testing import images
from testing.cluster import Cluster
from tests.e2e.conftest import DOCKER_VERSION, nothing_made_yet

NEXT = "forky"
JOBS = ("--jobs", "4", "--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=1")


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory, built: None) -> Iterator[Cluster]:
    with nothing_made_yet(tmp_path_factory.mktemp("newer-docker")) as made:
        dockerfile = made.folder / "images" / "node" / "Dockerfile"
        text = dockerfile.read_text()
        assert "FROM ${BASE}" in text
        dockerfile.write_text(text.replace("FROM ${BASE}", f"FROM {images.debian(NEXT)}"))
        yield made


@pytest.mark.slow
def test_a_swarm_of_the_newest_docker_runs_jobs(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    cluster.up()
    record_property("node-docker", cluster.manager(DOCKER_VERSION).strip())
    report = cluster.run_jobs(*JOBS)
    assert (report["submitted"], report["succeeded"]) == (4, 4), report
    assert len(cluster.products()) == 8
    assert cluster.up() == {}
