"""What each node does to the share before docker starts."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from infra.aws import user_data


def test_nodes_that_boot_together_all_find_the_shares_folders_whole(tmp_path: Path) -> None:
    """Four nodes at a time, as fast as they come; the owners need root, which a test is not."""
    mounts = (user_data.INFRA / "aws/node/mounts.sh").read_text()
    loop = mounts[mounts.index("until_done() {") : mounts.index("# The name of a volume")]
    folders = mounts[mounts.index("folder() {") :]
    script = f"set -eu\nchown() {{ :; }}\nsleep() {{ exit 9; }}\n{loop}{folders}"
    for turn in range(12):
        share = tmp_path / str(turn)
        share.mkdir()
        nodes = [
            subprocess.Popen(
                ["bash", "-c", script], env={**os.environ, "SHARE": str(share), "BOOT_LIMIT": "9"}
            )
            for _ in range(4)
        ]
        assert [node.wait(timeout=30) for node in nodes] == [0] * 4
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in share.iterdir()}
        assert modes == {"archive": 0o2775, "jobs": 0o2775, "config": 0o755, "ledger": 0o700, ".swarm": 0o700}


def test_a_wait_for_a_disk_ends_and_says_what_it_was_for(tmp_path: Path) -> None:
    mounts = (user_data.INFRA / "aws/node/mounts.sh").read_text()
    loop = mounts[mounts.index("until_done() {") : mounts.index("# The name of a volume")]
    script = f'set -eu\nsleep() {{ SECONDS=99; }}\n{loop}\nuntil_done "the disk" false'
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "BOOT_LIMIT": "60"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "oodt: waiting for the disk",
        "oodt: gave up: waited 99 s for the disk",
    ]
