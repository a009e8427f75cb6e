"""Target hosts on machines of several releases of Debian, each with its own docker and Python."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence

import pytest

from testing.addresses import free_network
from testing.cluster import Cluster
from testing.tools import require
from tests.e2e.conftest import DOCKER_VERSION
from tests.e2e.hosts.machines import SHARE, Machine, Room, build_image, fixes

# Manager and worker. Of docker and Python, bullseye has the oldest that hosts may have, forky the newest.
RELEASES = (("forky", "bullseye"), ("bullseye", "forky"), ("bookworm", "trixie"))
JOBS = ("--jobs", "4", "--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=1")
# What JUnit's results say of each machine, and the command that tells it.
VERSIONS = {
    "node-docker": DOCKER_VERSION,
    "node-python": "python3 -c 'import platform; print(platform.python_version())'",
    "debian": "cat /etc/debian_version",
}

pytestmark = pytest.mark.slow


@pytest.fixture(params=RELEASES, ids="-".join)
def machines(
    request: pytest.FixtureRequest,
    docker_daemon: None,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> Iterator[tuple[Room, Sequence[Machine]]]:
    """A machine of each release, the manager first."""
    require("ssh")
    require("ssh-keyscan")
    images = {release: build_image(release) for release in request.param}
    name = f"oodt-hosts-{secrets.token_hex(2)}"
    room = Room(name=name, subnet=free_network(24), folder=tmp_path_factory.mktemp("room"))
    try:
        room.open()
        found = [room.start(release, image) for release, image in images.items()]
        room.wait()
        for machine in found:
            for what, command in VERSIONS.items():
                record_property(what, machine.run(command).strip())
        yield room, found
    finally:
        room.close()


@pytest.fixture
def cluster(
    machines: tuple[Room, Sequence[Machine]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster of the machines, which accept its registry as the check says."""
    room, (head, worker) = machines
    head.run(f"chown scientist {SHARE}")
    made = Cluster.make(tmp_path_factory.mktemp("cluster"), "10.213.0.0/24")
    made.environment["OODT_SSH_CONFIG"] = str(room.configuration)
    settings = {
        "target": "hosts",
        "manager": head.url,
        "workers": json.dumps([worker.url]),
        "shared_path": SHARE,
    }
    for key, value in settings.items():
        made.pulumi("config", "set", key, value)
    for command in fixes(made.pulumi("preview", check=False), "accept_registry"):
        subprocess.run(command, shell=True, cwd=made.folder, check=True, capture_output=True, timeout=60)
    yield made
    made.destroy()


@pytest.mark.timeout(1800)
def test_machines_of_two_releases_are_one_swarm_that_runs_jobs(
    cluster: Cluster, machines: tuple[Room, Sequence[Machine]]
) -> None:
    _, (head, worker) = machines
    cluster.up()
    report = cluster.run_jobs(*JOBS)
    assert (report["submitted"], report["succeeded"]) == (4, 4), report
    assert {job["node"] for job in report["jobs"]} == {worker.name}
    assert len(cluster.products()) == 8
    assert cluster.up() == {}
    cluster.destroy()
    assert {head.swarm_state(), worker.swarm_state()} == {"inactive"}
