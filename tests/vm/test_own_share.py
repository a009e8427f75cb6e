"""Target hosts where the manager is the file server too, as in a small laboratory; one story, in this order.

Nobody makes a folder by hand: root of the manager is root on its own disk.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testing.cluster import Cluster
from tests.vm import stack
from tests.vm.conftest import Timed
from tests.vm.hosts import SHARED, mount, serve
from tests.vm.room import PATIENCE, Machine, room
from tests.vm.stack import SLOTS, UP_TIMEOUT, all_succeed, ask, back, submit
from toolchain.machine_disk import Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def machines(disk: Disk, docker_daemon: None) -> Iterator[list[Machine]]:
    with room(disk) as made:
        made.add("head", memory=3072)
        made.add("one", memory=2048)
        made.add("two", memory=2048)
        print(f"\nthree machines answer after {made.wait():.0f} s")
        head, *workers = made.machines
        serve(head, SHARED)
        for worker in workers:
            mount(worker, folder=SHARED)
        for machine in made.machines:
            stack.prepare(machine, head)
        yield made.machines


@pytest.fixture(scope="module")
def cluster(machines: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return stack.make(tmp_path_factory.mktemp("cluster"), machines[0], machines[1:])


def test_up_takes_a_manager_that_serves_the_share(cluster: Cluster, timed: Timed) -> None:
    with timed("pulumi up"):
        cluster.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT * PATIENCE)
    with timed("ten jobs"):
        report = all_succeed(cluster, submit(cluster, 10, 1), 10, 0)
    assert {job["node"] for job in report["jobs"]} == {"one", "two"}


def test_its_power_cut_takes_broker_and_share_and_costs_no_job(
    cluster: Cluster, machines: list[Machine], timed: Timed
) -> None:
    before = len(cluster.products())
    process = submit(cluster, SLOTS, 60, begun=SLOTS // 2 + 1)
    machines[0].cut_power()
    with timed("eight jobs, from the power cut on"):
        back(machines[0])
        all_succeed(cluster, process, SLOTS, before)


def test_clean_and_destroy_leave_a_share_without_jobs(
    cluster: Cluster, machines: list[Machine], timed: Timed
) -> None:
    with timed("clean"):
        ask(cluster, "runtime.clean", "--yes")
    assert cluster.products() == []
    assert machines[0].run(f"find {SHARED}/jobs -mindepth 2").strip() == ""
    with timed("pulumi destroy"):
        cluster.pulumi("destroy", "--yes", "--skip-preview", timeout=UP_TIMEOUT * PATIENCE)
    for machine in machines:
        assert machine.run("docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"
