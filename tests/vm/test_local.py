"""Target local on a machine with systemd and cgroup v2, as its user has it; one story, in this order."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from testing.waiting import until
from tests.vm import operators_disk
from tests.vm.conftest import Timed
from tests.vm.room import PATIENCE, Machine, room
from toolchain.machine_disk import USER, Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

MEMORY = 4096  # MiB
PROCESSORS = 2
PROJECT = "/srv/oodt"
MANAGER = "oodt-dev-manager"
SUBMIT = "oodt submit --event test-workflow --jobs 10 --metadata Dataset=abc --metadata Project=123"
TOOLS_TIMEOUT = 120  # seconds where the processor helps, as all of these
UP_TIMEOUT = 900
JOBS_TIMEOUT = 300
SERVICES_TIMEOUT = 300
METRICS = (
    "python3 -c 'import urllib.request as http; "
    'print(http.urlopen("http://127.0.0.1:8080/metrics", timeout=60).read().decode())\''
)
KINDS = {"container": "ps -aq", "volume": "volume ls -q", "network": "network ls -q --filter type=custom"}

PREPARE = f"""
set -e
echo 'LABEL={operators_disk.LABEL} /srv ext4 defaults 0 0' >>/etc/fstab
mount /srv
chown -R {USER}: {PROJECT}
mkdir -p /etc/docker
: >/etc/resolv.conf  # no internet: without a server to ask, what would be downloaded fails at once
echo '{{"data-root": "/srv/docker"}}' >/etc/docker/daemon.json
systemctl restart docker
"""
# What `make toolchain` does, but for the packages, which are there.
TOOLS = f"""
set -e
cd {PROJECT}
python3 -m venv --without-pip .venv
python3 -c 'from toolchain.install import *; run_steps(SYSTEM, PULUMI[1:], DOCKER)'
"""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A user of the machine who is not root."""

    machine: Machine

    def run(self, command: str, *, check: bool = True, timeout: float = TOOLS_TIMEOUT) -> str:
        """Run a line as it is typed after `source ./activate`."""
        line = f"cd {PROJECT} && source ./activate && {command}"
        return self.machine.run(f"bash -c {shlex.quote(line)}", user=USER, check=check, timeout=timeout)

    def report(self, command: str, *, timeout: float = JOBS_TIMEOUT) -> dict[str, Any]:
        """What a command reports as JSON."""
        found: dict[str, Any] = json.loads(self.run(f"{command} --json", timeout=timeout))
        return found

    def on_manager(self, command: str) -> list[str]:
        """Lines that a command prints in the manager's container; none while that does not run."""
        return self.machine.run(f"docker exec {MANAGER} {command}", user=USER, check=False).splitlines()

    def products(self) -> int:
        return len(self.on_manager("find /shared-data/archive -type f"))

    def runs_a_job(self) -> bool:
        return (self.metric("oodt_jobs_running", event="test-workflow") or 0) > 0

    def is_connected(self) -> bool:
        """Whether the status service hears of jobs."""
        return self.metric("oodt_broker_up") == 1

    def metric(self, name: str, **labels: str) -> float | None:
        """What the status service tells; None while it is away. A command takes a minute here."""
        families = text_string_to_metric_families(self.machine.run(METRICS, check=False))
        samples = (sample for family in families for sample in family.samples)
        return next((each.value for each in samples if (each.name, each.labels) == (name, labels)), None)

    def objects(self) -> dict[str, str]:
        """What docker has on the machine itself, by kind."""
        return {kind: self.machine.run(f"docker {line}", user=USER) for kind, line in KINDS.items()}

    def wait_for_services(self) -> None:
        def complete() -> bool:
            replicas = self.on_manager("docker service ls --format '{{.Replicas}}'")
            pairs = [each.split("/") for each in replicas]
            return bool(pairs) and all(running == wanted for running, wanted in pairs)

        until(complete, seconds=SERVICES_TIMEOUT * PATIENCE, what="the services")
        # After a start the swarm counts the containers that it had before, until it hears of them.
        until(self.is_connected, seconds=SERVICES_TIMEOUT * PATIENCE, what="a status service with a broker")

    def begin_jobs(self, batch: str) -> None:
        """Submit ten jobs, and wait until one of them runs."""
        self.run(f"{SUBMIT} --metadata Seconds=20 --batch-id {batch}", timeout=JOBS_TIMEOUT)
        until(self.runs_a_job, seconds=JOBS_TIMEOUT * PATIENCE, what="a job that runs")

    def check_jobs(self, batch: str, *, products: int) -> None:
        """Wait for the ten; each has succeeded, and PRODUCTS are there in all, as the records say."""
        report = self.report(f"oodt status --batch {batch} --follow")
        assert report["states"] == {"SUCCEEDED": 10}
        assert self.products() == products
        kinds = self.report("oodt reconcile")["kinds"]
        assert {name: kind["found"] for name, kind in kinds.items() if kind["found"]} == {}


@pytest.fixture(scope="module")
def operator(disk: Disk, docker_daemon: None) -> Iterator[Operator]:
    """One who has the project and its tools on the machine."""
    drive = operators_disk.make()
    with room(disk) as made:
        machine = made.add("laptop", memory=MEMORY, processors=PROCESSORS, drive=drive)
        machine.wait()
        machine.run(PREPARE)
        machine.run(TOOLS, user=USER, timeout=TOOLS_TIMEOUT)
        operator = Operator(machine=machine)
        # Two more dockers and all services run on it at once, so it has less time for each than others.
        settings = {"patience": 5 * PATIENCE, "worker_nodes": 1, "wm_replicas": 1}
        words = " ".join(f"--plaintext {key}={value}" for key, value in settings.items())
        operator.run(f"pulumi config set-all {words}")
        yield operator


@pytest.fixture(autouse=True)
def told(request: pytest.FixtureRequest, timed: Timed, operator: Operator) -> Iterator[None]:
    with timed(request.node.name):
        yield


def test_pulumi_up_brings_up_the_cluster(operator: Operator) -> None:
    operator.run("pulumi up --yes --skip-preview", timeout=UP_TIMEOUT)
    operator.wait_for_services()


def test_ten_jobs_succeed(operator: Operator) -> None:
    report = operator.report(f"{SUBMIT} --wait")
    assert (report["submitted"], report["succeeded"], report["failed"]) == (10, 10, 0)
    assert operator.products() == 20


def test_jobs_that_run_when_docker_restarts_are_done_once(operator: Operator) -> None:
    operator.begin_jobs("docker-restarts")
    operator.machine.run("systemctl restart docker")
    operator.wait_for_services()
    operator.check_jobs("docker-restarts", products=40)


def test_jobs_that_run_when_the_machine_reboots_are_done_once(operator: Operator) -> None:
    operator.begin_jobs("machine-reboots")
    operator.machine.reboot()
    operator.wait_for_services()
    operator.check_jobs("machine-reboots", products=60)


def test_pulumi_up_finds_the_cluster_as_it_made_it(operator: Operator) -> None:
    operator.run("pulumi up --yes --skip-preview --refresh --expect-no-changes", timeout=UP_TIMEOUT)


def test_pulumi_destroy_leaves_nothing(operator: Operator) -> None:
    assert all(operator.objects().values())
    operator.run("pulumi destroy --yes --skip-preview", timeout=UP_TIMEOUT)
    assert operator.objects() == dict.fromkeys(KINDS, "")
