"""What the cluster makes on the share, and that nothing else is removed: the real commands, in a folder."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import ssh
from infra.hosts import layout, storage
from infra.hosts.actions import Host
from infra.ssh import Identity
from services import workflows

ADDRESS = "10.0.0.10"
JOB_FOLDERS = ("my flow",)
FOLDERS = ("archive", "jobs", "ledger", "config")
# A docker that has a file for each volume.
DOCKER = """#!/bin/sh
cd {volumes}
case "$2" in
  ls) ls ;;
  inspect) [ -e "$3" ] ;;
  rm) rm -f "$4"; echo "$4" ;;
esac
"""


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    folder = tmp_path / "volumes"
    folder.mkdir()
    return folder


@pytest.fixture
def manager(tmp_path: Path, volumes: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    if os.getuid():
        pytest.skip("folders for other users can be made by root only")
    tools, share = tmp_path / "tools", tmp_path / "share"
    tools.mkdir()
    share.mkdir()
    (tools / "docker").write_text(DOCKER.format(volumes=volumes))
    (tools / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def run(_identity: object, _url: str, script: str, *, timeout: float, stdin: bytes = b"") -> str:
        line = ["sh", "-c", script]
        return subprocess.run(line, capture_output=True, text=True, timeout=timeout, check=True).stdout

    monkeypatch.setattr(ssh, "run", run)
    return Host(url="ssh://ops@head", identity=Identity(folder=""), share=str(share))


@pytest.fixture
def bring_up(manager: Host, volumes: Path) -> Callable[[], None]:
    """Makes the cluster's folders, and the volumes that docker makes for its services."""

    def begin() -> None:
        storage.make(manager, ADDRESS, JOB_FOLDERS)
        for name in layout.VOLUMES:
            (volumes / name).touch()

    return begin


def entries(folder: Path | str) -> list[str]:
    return sorted(entry.name for entry in Path(folder).iterdir())


def test_what_the_cluster_made_is_removed_with_the_notes_of_it(
    manager: Host, volumes: Path, bring_up: Callable[[], None]
) -> None:
    bring_up()
    jobs = Path(manager.share) / "jobs" / "my flow"
    assert (jobs.stat().st_uid, jobs.stat().st_mode & 0o7777) == (1000, 0o2775)
    assert storage.remove(manager, ADDRESS, JOB_FOLDERS) == []
    assert entries(manager.share) == entries(volumes) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_was_there_before_stays_with_all_that_is_in_it_and_is_named(
    manager: Host, bring_up: Callable[[], None], name: str
) -> None:
    folder = Path(manager.share) / name
    folder.mkdir()
    (folder / "theirs").touch()
    bring_up()
    assert storage.remove(manager, ADDRESS, JOB_FOLDERS) == [str(folder)]
    assert entries(manager.share) == [name]
    assert entries(folder) == ["theirs"]


def test_a_volume_that_was_there_before_stays_and_is_named(
    manager: Host, volumes: Path, bring_up: Callable[[], None]
) -> None:
    for name in ("registry-data", "theirs"):
        (volumes / name).touch()
    bring_up()
    assert storage.remove(manager, ADDRESS, JOB_FOLDERS) == ["volume registry-data"]
    assert entries(volumes) == ["registry-data", "theirs"]


def test_a_volume_of_the_same_name_on_another_manager_stays(
    manager: Host, volumes: Path, bring_up: Callable[[], None]
) -> None:
    bring_up()
    assert len(storage.remove(manager, "10.0.0.99", JOB_FOLDERS)) == len(layout.VOLUMES)
    assert entries(volumes) == sorted(layout.VOLUMES)


def test_what_an_earlier_cluster_made_belongs_to_this_cluster(
    manager: Host, volumes: Path, bring_up: Callable[[], None]
) -> None:
    bring_up()
    notes = (Path(manager.share) / layout.NOTES).read_text()
    bring_up()
    assert (Path(manager.share) / layout.NOTES).read_text() == notes
    assert storage.remove(manager, ADDRESS, JOB_FOLDERS) == []
    assert entries(manager.share) == entries(volumes) == []


def test_a_folder_that_cannot_be_made_ends_the_making_and_is_not_noted() -> None:
    """Another user, on a disk that lets nobody give folders away, as with NFS and root squash."""
    if os.getuid():
        pytest.skip("another user can be acted as by root only")
    with tempfile.TemporaryDirectory() as room:
        tools, share = Path(room) / "tools", Path(room) / "share"
        for folder in (tools, share):
            folder.mkdir()
        for name, text in (("docker", "#!/bin/sh\n"), ("sudo", '#!/bin/sh\nshift\nexec "$@"\n')):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        os.chmod(room, 0o755)
        os.chown(share, 1500, 1500)
        script = "".join(storage._making(str(share), ADDRESS, JOB_FOLDERS))
        done = subprocess.run(
            ["sh", "-c", script],
            user=1500,
            group=1500,
            extra_groups=[],
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode != 0
        assert "Operation not permitted" in done.stderr
        assert not (share / layout.NOTES).exists()


def test_no_look_at_the_share_is_one_that_an_nfs_client_answers_from_what_it_remembers() -> None:
    """`there` lists the folder above first."""
    scripts = [
        *storage._making("/share", ADDRESS, JOB_FOLDERS),
        *storage._removing("/share", ADDRESS, JOB_FOLDERS),
    ]
    for script in (*scripts, workflows.RECEIVE):
        assert not re.search(r"(\[|test) -[def] ", script), script
