"""Three hundred jobs while everything that can die does, at moments drawn from CHAOS_SEED or a new seed."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.addresses import free_network
from testing.cluster import Cluster
from testing.tools import missing, require
from tests.e2e.aws import ec2
from tests.e2e.chaos import troubles
from tests.e2e.chaos.storm import Storm
from toolchain.paths import REPOSITORY

SHARE_SIZE = 4 << 30  # bytes; a sparse file
DOCKER_TIMEOUT = 60  # seconds
REPORT = REPOSITORY / "test-results" / "chaos.json"

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(3600)]


def run(*line: str) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=DOCKER_TIMEOUT).stdout


@pytest.fixture
def cluster(docker_daemon: None, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose share is a disk of its own, so that it can be full while the machine's is not."""
    for tool in ("ssh", "ssh-keyscan", "mkfs.ext4"):
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
        found.up()
        yield found
    finally:
        found.destroy()
        run("docker", "volume", "rm", "--force", share)
        run("losetup", "-d", device)


def test_three_hundred_jobs_survive_everything_that_can_die(cluster: Cluster, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    storm = Storm(seed=seed, jobs=300, seconds=(2, 8), troubles=troubles.ALL)
    account = storm.over(cluster, tmp_path)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"{json.dumps(account, indent=2)}\n")
