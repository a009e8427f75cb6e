"""The story of the first day, step by step. Each raises if what should hold does not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.waiting import until
from tools.day_one import spot_notice
from tools.day_one.account import MANAGER, WORKER, Account
from tools.day_one.processes import ProgramError
from tools.day_one.stack import Stack

WORKERS = 2
JOBS = 10


class StepError(Exception):
    """What a step found; the text says it."""


@dataclass(kw_only=True)
class Trial:
    """``deadline`` is that of the step that runs, by the monotonic clock."""

    stack: Stack
    account: Account
    deadline: float = 0.0

    def left(self) -> float:
        """Seconds that the step has left. Raises StepError."""
        found = self.deadline - time.monotonic()
        if found <= 0:
            raise StepError("its time is over")
        return found

    def ready(self) -> int:
        """How many nodes are ready and take tasks; none while the manager does not answer."""
        try:
            listed = self.stack.ssh("docker node ls --format '{{.Status}} {{.Availability}}'")
        except ProgramError:
            return 0
        return listed.splitlines().count("Ready Active")

    def whole(self) -> None:
        """Wait until all nodes are ready and take tasks."""

        def look() -> bool:
            if (ready := self.ready()) != WORKERS + 1:
                raise StepError(f"{ready} of {WORKERS + 1} nodes are ready")
            return True

        until("the swarm to be whole", look, timeout=self.left())

    def replaced(self, gone: str) -> None:
        """Wait until the group has another worker instead of this one."""

        def look() -> bool:
            running = self.account.running(WORKER)
            if gone in running or len(running) != WORKERS:
                raise StepError(f"workers are {', '.join(running)}")
            return True

        until(f"another worker instead of {gone}", look, timeout=self.left())

    def manager(self) -> str:
        (found,) = self.account.instances(MANAGER)
        return found


@dataclass(frozen=True, kw_only=True)
class Step:
    """``needed`` by all that follow: they are left out where it fails."""

    name: str
    what: str
    minutes: float
    run: Callable[[Trial], None]
    needed: bool = False


def preflight(trial: Trial) -> None:
    trial.stack.oodt("preflight", "aws", seconds=trial.left())


def up(trial: Trial) -> None:
    trial.stack.up(seconds=trial.left())
    trial.whole()


def up_again(trial: Trial) -> None:
    trial.stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", seconds=trial.left())


def mounts(trial: Trial) -> None:
    """On the manager by ssh; the workers' own are seen by the jobs, whose products come by them."""
    listed = trial.stack.ssh(
        "findmnt -nro TARGET,FSTYPE,OPTIONS /var/lib/docker; findmnt -nro FSTYPE /shared-data"
    )
    lines = listed.split()
    if "/var/lib/docker" not in lines or not any(line.startswith("nfs4") for line in lines):
        raise StepError(f"docker's volume or the share is not mounted: {listed.strip()}")


def jobs(trial: Trial) -> None:
    arguments = ["--event", "test-workflow", "--jobs", str(JOBS)]
    arguments += ["--metadata", "Dataset=abc", "--metadata", "Project=123"]
    limit = trial.left()
    written = trial.stack.oodt(
        "submit", *arguments, "--wait", "--json", "--timeout", str(int(limit * 0.9) or 1), seconds=limit
    )
    report = json.loads(written.strip().splitlines()[-1])
    if report["succeeded"] != JOBS:
        raise StepError(f"{report['succeeded']} of {JOBS} jobs succeeded")


def reboot_worker(trial: Trial) -> None:
    _reboot(trial, trial.account.running(WORKER)[0])


def reboot_manager(trial: Trial) -> None:
    _reboot(trial, trial.manager())


def _reboot(trial: Trial, identifier: str) -> None:
    trial.account.clients["ec2"].reboot_instances(InstanceIds=[identifier])

    def look() -> bool:
        if trial.ready() == WORKERS + 1:
            raise StepError("all nodes are still ready")
        return True

    until(f"{identifier} to go down", look, timeout=trial.left() / 3)
    trial.whole()


def terminate(trial: Trial) -> None:
    gone = trial.account.running(WORKER)[0]
    trial.account.clients["autoscaling"].terminate_instance_in_auto_scaling_group(
        InstanceId=gone, ShouldDecrementDesiredCapacity=False
    )
    trial.replaced(gone)
    trial.whole()


def spot(trial: Trial) -> None:
    before = set(trial.account.running(WORKER))
    spot_notice.give(trial.account, seconds=trial.left() / 2)

    def look() -> bool:
        running = set(trial.account.running(WORKER))
        if running == before or len(running) != WORKERS:
            raise StepError(f"workers are {', '.join(sorted(running))}")
        return True

    until("another worker instead of the one that was taken back", look, timeout=trial.left())
    trial.whole()


def replace_manager(trial: Trial) -> None:
    before = trial.manager()
    trial.stack.up("--replace", trial.stack.manager_urn(), seconds=trial.left())
    if trial.manager() == before:
        raise StepError(f"{before} is still the manager")
    trial.whole()


def change_template(trial: Trial) -> None:
    """Workers on demand instead of spot ones: the template changes, and each worker is replaced."""
    before = set(trial.account.running(WORKER))
    trial.stack.set("worker_spot", "false")
    trial.stack.up(seconds=trial.left())
    if kept := before & set(trial.account.running(WORKER)):
        raise StepError(f"{', '.join(sorted(kept))} have not been replaced")
    trial.whole()


def stop_manager(trial: Trial) -> None:
    identifier = trial.manager()
    trial.account.clients["ec2"].stop_instances(InstanceIds=[identifier])

    def look() -> bool:
        state = trial.account.instances(MANAGER).get(identifier)
        if state != "stopped":
            raise StepError(f"it is {state}")
        return True

    until(f"{identifier} to stop", look, timeout=trial.left())


STORY: tuple[Step, ...] = (
    Step(name="preflight", what="the account is asked what it lacks", minutes=3, run=preflight, needed=True),
    Step(name="up", what="a manager and two workers, with all services", minutes=45, run=up, needed=True),
    Step(name="up-again", what="a second pulumi up changes nothing", minutes=5, run=up_again),
    Step(name="mounts", what="docker's volume and the share are mounted", minutes=3, run=mounts),
    Step(name="jobs", what="ten jobs", minutes=15, run=jobs),
    Step(name="reboot-worker", what="a worker is rebooted", minutes=12, run=reboot_worker),
    Step(name="reboot-manager", what="the manager is rebooted", minutes=12, run=reboot_manager),
    Step(name="terminate", what="a worker is terminated through its group", minutes=20, run=terminate),
    Step(name="spot", what="AWS gives a worker the notice that it is taken back", minutes=20, run=spot),
    Step(name="replace-manager", what="the manager is replaced", minutes=25, run=replace_manager),
    Step(name="change-template", what="the workers' template changes", minutes=30, run=change_template),
    Step(name="jobs-again", what="ten jobs on what is there now", minutes=15, run=jobs),
    Step(
        name="stop-manager",
        what="the manager is stopped before all is destroyed",
        minutes=8,
        run=stop_manager,
    ),
)
