"""What is said of a share by the options with which a host has it mounted."""

from __future__ import annotations

import pytest

from infra.hosts.checks import mount_problems
from infra.hosts.facts import Share
from infra.hosts.node.probe import mount_of

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 22 0:40 / /shared-data rw,relatime shared:9 - autofs systemd-1 rw,fd=43,pgrp=1
35 31 0:52 / /shared-data rw,noatime shared:20 - nfs4 files:/srv rw,vers=4.2,hard,{options}addr=10.0.0.9
40 22 0:60 / /shared-data-2 rw,relatime - nfs files:/old rw,vers=3,hard,nocto,addr=10.0.0.9
"""


def problems(path: str, options: str = "") -> list[str]:
    mount = mount_of(path, MOUNTS.format(options=options))
    share = Share(
        free=-1,
        owners={},
        gives_away=True,
        swarm="",
        filesystem=mount["kind"],
        options=tuple(mount["options"]),
    )
    return [f"{problem.what}. {problem.fix}" for problem in mount_problems(share, path)]


def test_the_mount_of_a_folder_is_the_last_of_those_nearest_to_it() -> None:
    mounts = MOUNTS.format(options="")
    assert mount_of("/shared-data/oodt", mounts)["kind"] == "nfs4"
    assert mount_of("/shared-data", mounts)["options"] == ["rw", "vers=4.2", "hard", "addr=10.0.0.9"]
    assert mount_of("/shared-data-2/oodt", mounts)["kind"] == "nfs"
    assert mount_of("/shared", mounts) == {"kind": "ext4", "options": ["rw"]}


@pytest.mark.parametrize("path", ["/shared-data-2/oodt", "/shared-data/oodt"])
def test_nfs_with_nocto_is_refused_with_the_option_to_remove(path: str) -> None:
    [text] = problems(path, "nocto,")
    assert f"{path} is mounted with nocto there" in text
    assert "/etc/fstab" in text


def test_nfs_with_other_options_and_a_local_disk_are_taken() -> None:
    assert problems("/shared-data", "actimeo=60,") == problems("/srv") == []
