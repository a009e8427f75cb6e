"""Target hosts on machines that die, with their file server; the tests are one story, in this order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from infra.hosts import layout
from testing.cluster import Cluster, finish
from testing.waiting import until
from tests.vm import stack
from tests.vm.conftest import Timed
from tests.vm.hosts import EXPORTED, SHARED, WITHOUT_DOCKER, mount, serve
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine, room
from tests.vm.stack import (
    JOBS_TIMEOUT,
    SLOTS,
    UP_TIMEOUT,
    WORKFLOW,
    all_succeed,
    ask,
    back,
    submit,
)
from toolchain.machine_disk import Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

AWAY = 300  # seconds without the file server
BOTH = SLOTS // 2 + 1  # of these at least one is on each
NODES = "docker node ls --format '{{.Hostname}} {{.Status}}'"
KEPT = [".oodt-made", "archive", "config", "jobs", "ledger"]


class Machines(NamedTuple):
    server: Machine
    head: Machine
    one: Machine
    two: Machine


@pytest.fixture(scope="module")
def machines(disk: Disk, docker_daemon: None) -> Iterator[Machines]:
    with room(disk) as made:
        server = made.add("server", without=WITHOUT_DOCKER, memory=512)
        hosts = [made.add("head", memory=3072), *(made.add(name, memory=2048) for name in ("one", "two"))]
        print(f"\nfour machines answer after {made.wait():.0f} s")
        serve(server)
        server.run(" && ".join(layout.making(name, EXPORTED) for name in layout.owners([WORKFLOW])))
        for machine in hosts:
            mount(machine)
            stack.prepare(machine, hosts[0])
        yield Machines(server, *hosts)


@pytest.fixture(scope="module")
def cluster(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A stack that nothing was made of yet; what will be made of it ends with the machines."""
    return stack.make(tmp_path_factory.mktemp("cluster"), machines.head, [machines.one, machines.two])


def test_up_brings_a_cluster_and_ten_jobs_leave_twenty_products(cluster: Cluster, timed: Timed) -> None:
    with timed("pulumi up"):
        cluster.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT * PATIENCE)
    with timed("ten jobs"):
        report = all_succeed(cluster, submit(cluster, 10, 1), 10, 0)
    assert {job["node"] for job in report["jobs"]} == {"one", "two"}
    with timed("a preview, which finds no change"):
        cluster.pulumi("preview", "--expect-no-changes", timeout=UP_TIMEOUT)


def test_a_workers_power_cut_costs_no_job(cluster: Cluster, machines: Machines, timed: Timed) -> None:
    before = len(cluster.products())
    process = submit(cluster, 8, 60, begun=BOTH)
    machines.one.cut_power()
    with timed("eight jobs, from a worker's power cut on"):
        report = all_succeed(cluster, process, 8, before)
    assert {job["node"] for job in report["jobs"]} == {"two"}
    with timed("the worker is back, with the share"):
        back(machines.one)
        until(
            lambda: "one Ready" in cluster.manager(NODES),
            seconds=COMMAND_TIMEOUT * PATIENCE,
            what="the worker in the swarm",
        )
    assert machines.one.run(f"findmnt -no FSTYPE {SHARED}").strip() == "nfs4"


def test_a_managers_power_cut_costs_no_job(cluster: Cluster, machines: Machines, timed: Timed) -> None:
    before = len(cluster.products())
    process = submit(cluster, 8, 60, begun=BOTH)
    machines.head.cut_power()
    with timed("eight jobs, from the manager's power cut on"):
        back(machines.head)
        all_succeed(cluster, process, 8, before)


def test_a_restart_of_the_file_server_costs_no_attempt(
    cluster: Cluster, machines: Machines, timed: Timed
) -> None:
    before = len(cluster.products())
    process = submit(cluster, 4, 60, begun=3)
    with timed("four jobs, from the restart of the NFS server on"):
        machines.server.run("systemctl restart nfs-server")
        report = all_succeed(cluster, process, 4, before)
    assert {job["attempts"] for job in report["jobs"]} == {1}


def test_a_file_server_that_is_away_for_five_minutes_costs_no_job(
    cluster: Cluster, machines: Machines, timed: Timed
) -> None:
    before = len(cluster.products())
    process = submit(cluster, 4, 60, begun=3)
    machines.server.cut_power()
    time.sleep(AWAY)
    machines.server.start()
    machines.server.wait()
    with timed("four jobs, from when the file server was back"):
        all_succeed(cluster, process, 4, before)


def test_a_cancelled_batch_ends_and_leaves_no_product(cluster: Cluster, timed: Timed) -> None:
    before = cluster.products()
    process = submit(cluster, 12, 300, "--batch-id", "cancelled", begun=SLOTS)
    with timed("cancel of a batch with eight running jobs"):
        assert ask(cluster, "runtime.cancel", "--batch", "cancelled")["stopped"] == SLOTS
    with timed("its last job has ended"):
        assert finish(process, JOBS_TIMEOUT * PATIENCE)["cancelled"] == 12
    assert cluster.products() == before


def test_clean_removes_what_a_squashed_root_cannot(
    cluster: Cluster, machines: Machines, timed: Timed
) -> None:
    with timed("clean"):
        ask(cluster, "runtime.clean", "--yes")
    assert cluster.products() == []
    assert machines.server.run(f"find {EXPORTED}/jobs -mindepth 2").strip() == ""


def test_destroy_leaves_no_swarm_and_the_data(cluster: Cluster, machines: Machines, timed: Timed) -> None:
    with timed("pulumi destroy"):
        cluster.pulumi("destroy", "--yes", "--skip-preview", timeout=UP_TIMEOUT * PATIENCE)
    for machine in (machines.head, machines.one, machines.two):
        assert machine.run("docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"
        assert machine.run("docker ps -aq") == ""
    assert machines.server.run(f"ls -A {EXPORTED}").split() == KEPT
