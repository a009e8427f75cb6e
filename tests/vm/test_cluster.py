"""Target hosts on machines that die, with their file server; the tests are one story, in this order.

The images are built on this machine: an emulated processor would take hours. The manager builds images of
one line, which begin with these.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from infra.hosts import layout
from infra.ssh import CONFIGURATION
from testing import images
from testing.cluster import Cluster, finish
from testing.waiting import until
from tests.vm.conftest import Timed
from tests.vm.hosts import EXPORTED, SHARED, WITHOUT_DOCKER, mount, serve, wait_for_docker
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine, room
from toolchain.machine_disk import Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

IMAGES = ("registry", "rabbitmq", "oodt")
COPY_TIMEOUT = 300
UP_TIMEOUT = 900
JOBS_TIMEOUT = 300
AWAY = 300  # seconds without the file server
WORKFLOW = "test-workflow"
SLOTS = 8  # of two Workflow Managers
BOTH = SLOTS // 2 + 1  # of these at least one is on each
NODES = "docker node ls --format '{{.Hostname}} {{.Status}}'"
KEPT = [".oodt-made", "archive", "config", "jobs", "ledger"]
JOB = ("--metadata", "Dataset=abc", "--metadata", "Project=123")


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
            wait_for_docker(machine)
            listed = json.dumps({"insecure-registries": [layout.registry(hosts[0].address)]})
            machine.run(f"echo '{listed}' >/etc/docker/daemon.json && systemctl reload docker")
        yield Machines(server, *hosts)


@pytest.fixture(scope="module")
def cluster(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A stack that nothing was made of yet; what will be made of it ends with the machines."""
    made = Cluster.make(tmp_path_factory.mktemp("cluster"), "10.213.0.0/24")
    made.environment[CONFIGURATION] = str(machines.head.room.configuration)
    workers = json.dumps([machines.one.url, machines.two.url])
    for key, value in (
        *(("target", "hosts"), ("manager", machines.head.url), ("workers", workers)),
        *(("shared_path", SHARED), ("patience", str(PATIENCE))),
    ):
        made.pulumi("config", "set", key, value)
    for name in IMAGES:
        tag = f"finished-{name}"
        copy(images.build(name), machines.head, tag)
        (made.folder / "images" / name / "Dockerfile").write_text(f"ARG BASE\nFROM {tag}\n")
    return made


def copy(image: str, machine: Machine, tag: str) -> None:
    """Copy an image of this machine's docker to that of a machine."""
    load = machine.ssh(f"docker tag $(docker load -q | grep -o 'sha256:.*') {tag}")
    identity = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", image],
        check=True,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
    ).stdout.strip()
    with subprocess.Popen(["docker", "save", identity], stdout=subprocess.PIPE) as save:
        subprocess.run(load, stdin=save.stdout, check=True, timeout=COPY_TIMEOUT * PATIENCE)


def submit(cluster: Cluster, jobs: int, seconds: int, *more: str, begun: int = 0) -> subprocess.Popen[str]:
    """Submit jobs and wait until so many run at once."""
    options = ("--event", WORKFLOW, "--jobs", str(jobs), *JOB, "--metadata", f"Seconds={seconds}")
    waits = ("--wait", "--timeout", str(JOBS_TIMEOUT * PATIENCE), "--json")
    process = cluster.start("runtime.submit", *options, *more, *waits)
    until(lambda: running(cluster) >= begun, seconds=JOBS_TIMEOUT * PATIENCE, what="running jobs")
    return process


def running(cluster: Cluster) -> int:
    jobs: dict[str, dict[str, int]] = ask(cluster, "runtime.status")["jobs"]
    return jobs.get(WORKFLOW, {}).get("RUNNING", 0)


def ask(cluster: Cluster, module: str, *arguments: str) -> dict[str, Any]:
    return cluster.command(module, *arguments, timeout=COMMAND_TIMEOUT * PATIENCE)


def all_succeed(cluster: Cluster, process: subprocess.Popen[str], jobs: int, before: int) -> dict[str, Any]:
    """All jobs have succeeded, each with its two products once."""
    report = finish(process, JOBS_TIMEOUT * PATIENCE)
    assert (report["succeeded"], report["failed"], report["cancelled"]) == (jobs, 0, 0), report
    assert len(cluster.products()) == before + 2 * jobs
    return report


def back(machine: Machine) -> None:
    """Switch a host on again, and wait until it is the node that it was."""
    machine.start()
    machine.wait()
    wait_for_docker(machine)


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
