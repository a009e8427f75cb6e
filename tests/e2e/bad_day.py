"""A bad day: what goes wrong on a cluster, and an operator who sees the console alone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from runtime import names
from testing.cluster import Cluster, finish
from testing.waiting import until
from tests.e2e.chaos.places import SHARE

EVENT = "test-workflow"
NODE = "worker2"
JOBS = 20  # of each batch
FOLDER = f"{SHARE}/archive/{EVENT}"
CATALOGUE_MEBIBYTES = 64
# What is wrong with the jobs of each batch, and what their reason has in it.
BATCHES = {
    "no-project": (("Dataset=abc",), "metadata field Project is missing"),
    "wrong-code": (("Dataset=abc", "Project=123", "ExitCode=4"), "did not exit with 0 but with 4"),
    "no-archive": (("Dataset=abc", "Project=123"), "nobody may write to its folder"),
}
# A job dies after its third run; between these it waits for half a minute.
DEATHS_SECONDS = 240
DONE_SECONDS = 180
SEEN_SECONDS = 90
DOCKER_SECONDS = 120


@dataclass(kw_only=True)
class Operator:
    """Somebody at a console who does nothing but look, click and type; what was done is counted."""

    page: Page
    began: float = field(default_factory=time.monotonic)
    clicks: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def type(self, label: str, text: str) -> None:
        """Click into a field, and type."""
        self.clicks += 1
        self.page.get_by_label(label, exact=True).fill(text)

    def sees(self, what: Locator, seconds: float = SEEN_SECONDS) -> None:
        expect(what).to_be_visible(timeout=1000 * seconds)

    def sees_jobs(self, batch: str, state: str, jobs: int, seconds: float) -> None:
        cell = self.page.locator(f"[data-batch={batch}] [data-state={state}]")
        expect(cell).to_have_text(str(jobs), timeout=1000 * seconds)

    def alarm(self, text: str) -> Locator:
        return self.page.get_by_role("alert").filter(has_text=text)

    def reason(self, text: str) -> Locator:
        return self.page.get_by_role("region", name="Reasons", exact=True).get_by_role("link", name=text)

    def overview(self) -> None:
        self.click(self.page.get_by_role("link", name="Overview", exact=True))
        self.sees(self.page.locator("#live.on"))

    def confirm(self, jobs: str) -> None:
        """Read what would be done, and say yes."""
        expect(self.page.get_by_role("dialog")).to_contain_text(jobs)
        self.click(self.page.get_by_role("button", name="Do it"))
        self.sees(self.page.get_by_text("No job is dead for this reason now"))


@contextmanager
def full_catalogue(cluster: Cluster) -> Iterator[None]:
    """Give the catalogue a small disk of its own, which is full. At the end it is back where it was."""
    volume = f"$(docker volume inspect {names.FILEMGR_VOLUME} --format '{{{{.Mountpoint}}}}')"
    small = f"mount -t tmpfs -o size={CATALOGUE_MEBIBYTES}m catalogue $v"
    kept = "cp -a /run/kept/. $v && rm -r /run/kept"
    _move_catalogue(cluster, f"v={volume}; cp -a $v /run/kept && {small} && {kept}")
    cluster.manager(f"v={volume}; ! dd if=/dev/zero of=$v/.full bs=64k 2>/dev/null")
    try:
        yield
    finally:
        _move_catalogue(cluster, f"v={volume}; rm -f $v/.full; cp -a $v /run/kept && umount $v && {kept}")


def make_room(cluster: Cluster) -> None:
    """What somebody does who was told that the catalogue's disk is full."""
    cluster.manager(
        f"rm $(docker volume inspect {names.FILEMGR_VOLUME} --format '{{{{.Mountpoint}}}}')/.full"
    )


def _move_catalogue(cluster: Cluster, how: str) -> None:
    """Stop the File Manager, do this, and let the swarm start another."""
    cluster.manager(f"docker service scale --detach {names.FILEMGR_SERVICE}=0")
    until(lambda: not cluster.manager(f"docker ps -q --filter name={names.FILEMGR_SERVICE}"), what="its end")
    cluster.manager(how)
    cluster.manager(f"docker service scale --detach {names.FILEMGR_SERVICE}=1")
    healthy = f"docker ps -q --filter name={names.FILEMGR_SERVICE} --filter health=healthy"
    until(lambda: cluster.manager(healthy), what="a File Manager")


@contextmanager
def closed_archive(cluster: Cluster) -> Iterator[None]:
    """Let nobody write to the folder of the workflow's products."""
    mode = cluster.manager(f"stat -c %a {FOLDER}").strip()
    cluster.manager(f"chmod a-w {FOLDER}")
    try:
        yield
    finally:
        cluster.manager(f"chmod {mode} {FOLDER}")


def open_archive(cluster: Cluster) -> None:
    """What somebody does who was told that nobody may write there."""
    cluster.manager(f"chmod u+w,g+w {FOLDER}")


@contextmanager
def dead_node(cluster: Cluster) -> Iterator[None]:
    """Kill a node. At the end it is started again."""
    _docker("kill", f"{cluster.prefix}-{NODE}")
    try:
        yield
    finally:
        _docker("start", f"{cluster.prefix}-{NODE}")
        until(lambda: _is_ready(cluster), what=f"{NODE} to be back")


def submit(cluster: Cluster) -> None:
    """Sixty jobs that cannot succeed as they are."""
    line = ("runtime.submit", "--event", EVENT, "--jobs", str(JOBS), "--metadata", "Seconds=0", "--json")
    started = [
        cluster.start(*line, "--batch-id", batch, *(word for each in given for word in ("--metadata", each)))
        for batch, (given, _) in BATCHES.items()
    ]
    for process in started:
        finish(process, DOCKER_SECONDS)


def _is_ready(cluster: Cluster) -> bool:
    nodes = cluster.manager("docker node ls --format '{{.Hostname}} {{.Status}}'")
    return f"{NODE} Ready" in nodes.splitlines()


def _docker(action: str, container: str) -> None:
    subprocess.run(["docker", action, container], check=True, capture_output=True, timeout=DOCKER_SECONDS)
