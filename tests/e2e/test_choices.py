"""A cluster whose user chose the nodes' network and the disk of the share; one story, in this order.

The network is the one that docker would give to the containers on the nodes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from infra.local.engine import inspect
from runtime import names
from testing.cluster import Cluster
from testing.tools import require
from testing.waiting import BUSY

NODES = IPv4Network("10.0.1.0/24")
JOBS = ("--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=1")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def cluster(disk: Path, tmp_path_factory: pytest.TempPathFactory, docker_daemon: None) -> Iterator[Cluster]:
    require("ssh")
    if taken := inspect().network_in(NODES, own=""):
        pytest.skip(f"this machine's network {taken} has addresses of {NODES}")
    made = Cluster.make(tmp_path_factory.mktemp("cluster"), str(NODES))
    volume = ("--opt", "type=none", "--opt", "o=bind", "--opt", f"device={disk}", f"{made.prefix}-share")
    line = ["docker", "volume", "create", "--label", "made-by=hand", *volume]
    subprocess.run(line, check=True, capture_output=True, timeout=BUSY * 10)
    yield made
    made.destroy()


def products(disk: Path) -> list[Path]:
    return [path for path in (disk / "archive").rglob("*") if path.is_file()]


def subnets(cluster: Cluster, network: str) -> list[IPv4Network]:
    """The addresses of one of docker's networks on the manager."""
    found: list[dict[str, Any]] = json.loads(cluster.manager(f"docker network inspect {network}"))
    return [IPv4Network(config["Subnet"]) for config in found[0]["IPAM"]["Config"]]


def test_a_cluster_comes_up_there_and_runs_jobs(cluster: Cluster) -> None:
    cluster.up()
    report = cluster.run_jobs("--jobs", "4", *JOBS)
    assert (report["submitted"], report["succeeded"]) == (4, 4)
    assert {job["node"] for job in report["jobs"]} == {"worker1", "worker2"}


def test_the_products_are_on_the_disk_that_the_user_gave_the_share(cluster: Cluster, disk: Path) -> None:
    assert len(products(disk)) == len(cluster.products()) == 8


def test_none_of_its_networks_meets_the_nodes_or_another(cluster: Cluster) -> None:
    (overlay,) = subnets(cluster, names.NETWORK)
    assert overlay.num_addresses > 2 * 500
    others = [subnets(cluster, name) for name in ("ingress", "bridge", "docker_gwbridge")]
    known = [NODES, overlay, *(subnet for listed in others for subnet in listed)]
    assert [
        (one, other) for one in known for other in known if one is not other and one.overlaps(other)
    ] == []


def test_another_pool_is_told_of_and_leaves_the_cluster_as_it_is(cluster: Cluster) -> None:
    cluster.pulumi("config", "set", "overlay_pool", "10.253.0.0/16")
    text = cluster.pulumi("preview", "--expect-no-changes")
    assert "which is not in overlay_pool 10.253.0.0/16. Docker cannot change a network" in text
    cluster.pulumi("refresh", "--yes", "--skip-preview")
    assert cluster.up() == {}


def test_a_destroy_leaves_the_users_disk_as_it_is(cluster: Cluster, disk: Path) -> None:
    there = products(disk)
    cluster.destroy()
    assert products(disk) == there
