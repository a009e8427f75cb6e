"""A stack of target hosts on virtual machines, and jobs on it.

The images are built on this machine: an emulated processor would take hours. The manager builds images of
one line, which begin with these.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.hosts import layout
from infra.ssh import CONFIGURATION
from testing import images
from testing.cluster import Cluster, finish
from testing.waiting import until
from tests.vm.hosts import SHARED, wait_for_docker
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine

IMAGES = ("registry", "rabbitmq", "oodt")
COPY_TIMEOUT = 300
UP_TIMEOUT = 900
JOBS_TIMEOUT = 300
WORKFLOW = "test-workflow"
SLOTS = 8  # of two Workflow Managers
JOB = ("--metadata", "Dataset=abc", "--metadata", "Project=123")


def prepare(machine: Machine, manager: Machine) -> None:
    """Have its docker accept the registry that the manager will have."""
    wait_for_docker(machine)
    listed = json.dumps({"insecure-registries": [layout.registry(manager.address)]})
    machine.run(f"echo '{listed}' >/etc/docker/daemon.json && systemctl reload docker")


def make(folder: Path, manager: Machine, workers: Sequence[Machine]) -> Cluster:
    """A stack that nothing was made of yet; what will be made of it ends with the machines."""
    made = Cluster.make(folder, "10.213.0.0/24")
    made.environment[CONFIGURATION] = str(manager.room.configuration)
    for key, value in (
        *(("target", "hosts"), ("manager", manager.url), ("workers", json.dumps([w.url for w in workers]))),
        *(("shared_path", SHARED), ("patience", str(PATIENCE))),
    ):
        made.pulumi("config", "set", key, value)
    for name in IMAGES:
        tag = f"finished-{name}"
        copy(images.build(name), manager, tag)
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
