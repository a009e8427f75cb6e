"""What is said of a share by the options with which a host has it mounted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from infra.hosts.checks import mount_problems
from infra.hosts.facts import Share
from infra.hosts.node import probe
from infra.hosts.node.probe import mount_of

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 22 0:40 / /shared-data rw,relatime shared:9 - autofs systemd-1 rw,fd=43,pgrp=1
35 31 0:52 / /shared-data rw,noatime shared:20 - nfs4 files:/srv rw,vers=4.2,hard,{options}addr=10.0.0.9
36 22 254:1 / /srv/no-programs rw,noexec - ext4 /dev/vdb rw
40 22 0:60 / /shared-data-2 rw,relatime - nfs files:/old rw,vers=3,hard,nocto,addr=10.0.0.9
"""


SHARE = Share(free=-1, owners={"archive": 1000, "ledger": 1001}, gives_away=True, swarm="")


def problems(path: str, options: str = "") -> list[str]:
    mount = mount_of(path, MOUNTS.format(options=options))
    share = replace(SHARE, filesystem=mount["kind"], options=tuple(mount["options"]))
    return [f"{problem.what}. {problem.fix}" for problem in mount_problems(share, path)]


def test_the_mount_of_a_folder_is_the_last_of_those_nearest_to_it() -> None:
    mounts = MOUNTS.format(options="")
    assert mount_of("/shared-data/oodt", mounts)["kind"] == "nfs4"
    assert mount_of("/shared-data", mounts)["options"] == [
        *("rw", "noatime"),
        *("rw", "vers=4.2", "hard", "addr=10.0.0.9"),
    ]
    assert mount_of("/shared-data-2/oodt", mounts)["kind"] == "nfs"
    assert mount_of("/shared", mounts) == {"kind": "ext4", "options": ["rw", "relatime", "rw"]}


@pytest.mark.parametrize(
    ("path", "option"),
    [
        *(("/shared-data-2/oodt", "nocto"), ("/shared-data/oodt", "nocto")),
        *(("/shared-data", "soft"), ("/shared-data", "softerr"), ("/srv/no-programs", "noexec")),
    ],
)
def test_a_mount_that_does_harm_is_refused_with_the_option_to_remove(path: str, option: str) -> None:
    [text] = problems(path, f"{option},")
    assert f"{path} is mounted with {option} there" in text
    assert "/etc/fstab" in text


def test_nfs_with_other_options_and_a_local_disk_are_taken() -> None:
    assert problems("/shared-data", "actimeo=60,") == problems("/srv") == []


def test_a_server_that_takes_all_users_for_one_is_refused_with_the_folder_and_its_owner() -> None:
    [problem] = mount_problems(replace(SHARE, locked=("ledger",)), "/srv")
    assert "/srv/ledger belongs to uid 1001, which may not write there" in problem.what
    assert "all_squash" in problem.fix


def test_a_share_without_hard_links_is_refused_with_its_kind() -> None:
    [problem] = mount_problems(replace(SHARE, links=False, filesystem="cifs"), "/srv")
    assert "(cifs)" in problem.what


def test_a_file_that_can_have_a_second_name_is_left_with_one(tmp_path: Path) -> None:
    file = tmp_path / "mark"
    file.touch()
    assert probe.links(str(file))
    assert os.listdir(tmp_path) == ["mark"]


@pytest.mark.parametrize(
    ("enforce", "booleans", "found"),
    [
        ("1", {"container_use_nfs": "0 0", "virt_use_nfs": "0 0"}, "container_use_nfs"),
        ("1", {"container_use_nfs": "1 1", "virt_use_nfs": "0 0"}, ""),
        ("1", {"virt_use_nfs": "0 0"}, "virt_use_nfs"),
        ("1", {}, ""),
        ("0", {"container_use_nfs": "0 0"}, ""),
    ],
)
def test_selinux_keeps_containers_from_nfs_where_it_enforces_that_they_may_not(
    tmp_path: Path, enforce: str, booleans: dict[str, str], found: str
) -> None:
    (tmp_path / "booleans").mkdir()
    (tmp_path / "enforce").write_text(enforce)
    for name, value in booleans.items():
        (tmp_path / "booleans" / name).write_text(value)
    assert probe.nfs_boolean(tmp_path) == found


def test_a_machine_without_selinux_keeps_containers_from_nothing(tmp_path: Path) -> None:
    assert probe.nfs_boolean(tmp_path / "selinux") == ""


def test_a_share_that_selinux_keeps_containers_from_is_refused_with_the_line_that_lets_them_in() -> None:
    share = replace(SHARE, boolean="container_use_nfs")
    [problem] = mount_problems(replace(share, filesystem="nfs4"), "/srv")
    assert problem.fix == "sudo setsebool -P container_use_nfs on"
    assert list(mount_problems(replace(share, filesystem="ext4"), "/srv")) == []
