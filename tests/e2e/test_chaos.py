"""Three hundred jobs while everything that can die or freeze does, drawn from CHAOS_SEED or a new seed."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from testing.addresses import free_network
from testing.cluster import Cluster
from testing.tools import missing, require
from tests.e2e.aws import ec2
from tests.e2e.chaos import troubles
from tests.e2e.chaos.mix import DYING_EVENT, EVENT, LATE_EVENT, LATE_SECONDS, Sizes
from tests.e2e.chaos.storm import Storm
from toolchain.paths import REPOSITORY

SHARE_SIZE = 4 << 30  # bytes; a sparse file
DOCKER_TIMEOUT = 60  # seconds
REPORT = REPOSITORY / "test-results" / "chaos.json"
WORKFLOW = f"workflows/{EVENT}"
WORKFLOWS = [
    {"event": EVENT, "dir": WORKFLOW},
    {"event": DYING_EVENT, "dir": WORKFLOW, "max_workflows": 1},
    {"event": LATE_EVENT, "dir": WORKFLOW, "max_workflows": 1, "job_timeout": LATE_SECONDS},
]

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(3600)]


def run(*line: str) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=DOCKER_TIMEOUT).stdout


@pytest.fixture
def cluster(docker_daemon: None, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose share is a disk of its own, so that it can be full while the machine's is not."""
    for tool in ("ssh", "mkfs.ext4"):
        require(tool)
    if not ec2.can_run():
        missing("block devices cannot be made here: no losetup, or no /dev/loop-control")
    (tmp_path / "project").mkdir()
    found = Cluster.make(tmp_path / "project", str(free_network(24)))
    disk, share = tmp_path / "share.disk", f"{found.prefix}-share"
    with disk.open("wb") as stream:
        stream.truncate(SHARE_SIZE)
    run("mkfs.ext4", "-q", "-m", "0", str(disk))
    device = run("losetup", "--find", "--show", str(disk)).strip()
    try:
        # The stack uses a volume of this name that exists.
        run("docker", "volume", "create", "-o", "type=ext4", "-o", f"device={device}", share)
        for event in (DYING_EVENT, LATE_EVENT):
            add_event(found, event)
        found.up(workflows=json.dumps(WORKFLOWS))
        yield found
    finally:
        found.destroy()
        run("docker", "volume", "rm", "--force", share)
        run("losetup", "-d", device)


def add_event(cluster: Cluster, event: str) -> None:
    """Let another event start the workflow too."""
    policy = cluster.folder / WORKFLOW / "policy" / "events.xml"
    first, end, rest = policy.read_text().partition("</event>\n")
    policy.write_text(first + end + (first[first.index("  <event") :] + end).replace(EVENT, event, 1) + rest)


def test_three_hundred_jobs_survive_everything_that_can_die_or_freeze(
    cluster: Cluster, tmp_path: Path
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    storm = Storm(
        seed=seed,
        sizes=Sizes(
            jobs=300,
            seconds=(1, 7),
            cancelled=15,
            called_off=20,
            hopeless=4,
            unprovided=4,
            late=6,
            nameless=24,
        ),
        troubles=troubles.all_of(Random(f"freezes {seed}")),
        redrives=5,
        acting=350,
    )
    account = storm.over(cluster, tmp_path)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"{json.dumps(account, indent=2)}\n")
    assert len(account["strikes"]) == len(storm.troubles), "the jobs had ended before all troubles"
