"""The copy of the workflow folders that the containers see."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import ssh
from runtime.policy.places import PARTS
from runtime.workflow_copy import UncopiedError, archive
from services import workflows
from services.workflows import CopyProvider

DOCKER = """#!/bin/sh
case "$1 $2" in
  "service ls") echo oodt-filemgr ;;
  "service inspect") cat {mounts} ;;
  "service ps") printf 'Running 5 minutes ago t1\\nRunning 2 hours ago t2\\nShutdown 2 hours ago t3\\n' ;;
  "inspect --type") [ "$*" = "inspect --type task t1 t2" ] && cat {mounts}.tasks ;;
esac
"""


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        for part in ("policy", "pge-configs", "pges"):
            (folder / part).mkdir(parents=True)
        (folder / "policy" / "events.xml").write_text(name)
        (folder / "pges" / "pge.sh").write_text("#!/bin/sh\n")
        (folder / "pges" / "pge.sh").chmod(0o700)
        (folder / "pges" / "__pycache__").mkdir()
        (folder / "pges" / "__pycache__" / "x.pyc").write_text("")
        made.append(folder)
    return made


def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: member for member in tar}


def test_the_first_policy_is_where_the_original_has_it_and_others_are_below_their_name(
    folders: list[Path],
) -> None:
    names = members(archive(folders))
    assert {"workflows/policy/events.xml", "workflows/second/policy/events.xml", "pges/first/pge.sh"} <= set(
        names
    )
    assert not any("__pycache__" in name for name in names)


def test_every_user_of_a_container_can_read_the_files_and_run_the_programs(folders: list[Path]) -> None:
    names = members(archive(folders))
    assert names["workflows/policy/events.xml"].mode == 0o644
    assert names["pges/first/pge.sh"].mode == 0o755


def test_the_jobs_entry_leads_to_the_job_folders_of_the_workflow(folders: list[Path]) -> None:
    jobs = members(archive(folders))["pges/second/jobs"]
    assert jobs.issym()
    assert jobs.linkname == "/usr/local/oodt/jobs/second"


def test_the_same_content_gives_the_same_bytes_and_an_edit_others(folders: list[Path]) -> None:
    before = archive(folders)
    (folders[0] / "policy" / "events.xml").touch()
    assert archive(folders) == before
    (folders[0] / "policy" / "events.xml").write_text("changed")
    assert archive(folders) != before


def test_the_originals_layout_is_copied_to_the_same_places(folders: list[Path], tmp_path: Path) -> None:
    original = tmp_path / "original"
    (original / "workflows").mkdir(parents=True)
    (original / "pges").mkdir()
    expected = archive(folders)
    for folder in folders:
        (folder / "pges").rename(original / "pges" / folder.name)
        folder.rename(original / "workflows" / folder.name)
    assert archive([original / "workflows" / folder.name for folder in folders]) == expected


def test_links_are_copied_as_what_they_lead_to(folders: list[Path], tmp_path: Path) -> None:
    folder = folders[0]
    expected = archive([folder])
    (folder / "pges").rename(tmp_path / "elsewhere")
    (folder / "pges").symlink_to(tmp_path / "elsewhere")
    (folder / "policy" / "events.xml").rename(folder / "real")
    (folder / "policy" / "events.xml").symlink_to("../real")
    assert archive([folder]) == expected


def test_a_link_to_nothing_or_to_a_folder_around_it_is_refused(folders: list[Path]) -> None:
    link = folders[0] / "pges" / "link"
    link.symlink_to("absent")
    with pytest.raises(UncopiedError, match=f"^{link}, a link to absent, leads to nothing"):
        archive(folders)
    link.unlink()
    link.symlink_to("link")
    with pytest.raises(UncopiedError, match=f"^{link}, a link to link, leads to nothing"):
        archive(folders)
    link.unlink()
    link.symlink_to("..")
    with pytest.raises(UncopiedError, match=f"^{link} is a link to {folders[0]}, a folder that it is in"):
        archive(folders)


def test_what_is_no_file_is_refused(folders: list[Path]) -> None:
    os.mkfifo(folders[0] / "pges" / "pipe")
    with pytest.raises(UncopiedError, match="pipe is neither a file nor a folder"):
        archive(folders)


def test_a_job_folder_among_the_programs_gives_way_to_the_way_to_the_job_folders(
    folders: list[Path],
) -> None:
    expected = archive(folders)
    (folders[0] / "pges" / "jobs").mkdir()
    (folders[0] / "pges" / "jobs" / ".gitignore").write_text("*")
    assert archive(folders) == expected


POLICY = """<task class="[MODEL]"><property name="a" value="[MODEL] [OTHER]" envReplace="true"/>
<property name="b" value="[MODEL]"/><repository path="file://[OODT_ARCHIVE]/[MODEL]"/></task>"""


def content(copy: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(copy)) as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read().decode()


def test_a_policy_has_the_variables_of_its_own_workflow_where_oodt_replaces_them(folders: list[Path]) -> None:
    for folder in folders:
        (folder / "policy" / "tasks.xml").write_text(POLICY)
    copy = archive(folders, variables={"second": {"MODEL": 'm"<\u00e4>'}})
    assert content(copy, "workflows/policy/tasks.xml") == POLICY
    value = "m&quot;&lt;&#228;&gt;"
    assert content(copy, "workflows/second/policy/tasks.xml") == (
        POLICY.replace('value="[MODEL] [OTHER]"', f'value="{value} [OTHER]"').replace(
            "[OODT_ARCHIVE]/[MODEL]", f"[OODT_ARCHIVE]/{value}"
        )
    )


def test_the_workflow_manager_gets_the_variables_of_each_workflow(folders: list[Path]) -> None:
    copy = archive(folders, variables={"second": {"MODEL": "m 1=\n", "EMPTY": ""}})
    assert content(copy, "workflows/second/policy/.variables") == "EMPTY=\0MODEL=m 1=\n\0"
    # The engine changes the order of a map.
    assert copy == archive(folders, variables={"second": {"EMPTY": "", "MODEL": "m 1=\n"}})
    assert "workflows/policy/.variables" not in members(copy)


def test_a_variable_that_no_policy_names_changes_nothing_for_the_file_manager(folders: list[Path]) -> None:
    before = archive(folders, ("policy",))
    assert archive(folders, ("policy",), {"first": {"MODEL": "m1"}}) == before


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """What docker tells of the services, and beside it what it tells of their containers that run."""
    (tmp_path / "mounts.json.tasks").write_text("[]")
    return tmp_path / "mounts.json"


@pytest.fixture
def make(
    folders: list[Path], tmp_path: Path, mounts: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Makes a copy of what is in the folders now, on a manager that is this machine; its properties."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.format(mounts=mounts))
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    (tmp_path / "jobs" / "first").mkdir(parents=True)

    def run(_identity: object, _host: str, script: str, *, timeout: float, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["sh", "-c", script],
            input=stdin,
            env=environment,
            timeout=timeout,
            check=True,
            stdout=subprocess.PIPE,
        )
        return done.stdout.decode()

    monkeypatch.setattr(ssh, "run", run)

    def make(kind: str = "workflows", parts: tuple[str, ...] = PARTS) -> dict[str, Any]:
        digest = workflows._digest(archive(folders[:1], parts))
        props = {
            "directories": [str(folders[0])],
            "parts": list(parts),
            "digest": digest,
            "share": str(tmp_path),
            "kind": kind,
            "path": f"{tmp_path}/config/{kind}-{digest[:16]}",
            "folder": "",
            "docker_host": "ssh://root@manager",
        }
        return dict(CopyProvider().create(props).outs or {})

    return make


def edit(folders: list[Path], times: int, make: Callable[..., dict[str, Any]]) -> None:
    for number in range(times):
        (folders[0] / "pges" / "pge.sh").write_text(f"#!/bin/sh\n# {number}\n")
        make()


def test_edits_of_programs_remove_no_copy_of_the_policies(
    folders: list[Path], mounts: Path, make: Callable[..., dict[str, Any]]
) -> None:
    mounts.write_text("[]")
    policies = make("policies", ("policy",))
    edit(folders, 12, make)
    assert Path(policies["path"], "workflows", "policy", "events.xml").exists()


@pytest.mark.parametrize("by", ["", ".tasks"], ids=["a service", "a container that runs"])
def test_the_ten_newest_copies_stay_and_what_is_mounted(
    folders: list[Path], mounts: Path, make: Callable[..., dict[str, Any]], by: str
) -> None:
    mounted = make()
    edit(folders, 1, make)
    forgotten = make()
    mounts.write_text("[]")
    mounts.with_name(f"{mounts.name}{by}").write_text(f'[{{"Source": "{mounted["path"]}/pges"}}]')
    edit(folders, 11, make)
    assert Path(mounted["path"]).exists()
    assert not Path(forgotten["path"]).exists()
    assert len(list(Path(mounted["path"]).parent.iterdir())) == 11


def test_every_copy_stays_if_docker_does_not_tell_what_is_mounted(
    folders: list[Path], mounts: Path, make: Callable[..., dict[str, Any]]
) -> None:
    copy = make()
    edit(folders, 12, make)
    assert Path(copy["path"]).exists()


def test_a_refresh_forgets_a_copy_that_is_gone_so_that_it_is_made_again_in_its_place(
    make: Callable[..., dict[str, Any]],
) -> None:
    props, provider = make(), CopyProvider()
    assert provider.read(props["path"], props).id == props["path"]
    Path(props["path"]).rename(f"{props['path']}.elsewhere")
    assert not provider.read(props["path"], props).id
    assert (provider.create(props).outs or {})["path"] == props["path"]
    assert Path(props["path"], "pges", "first", "pge.sh").exists()


def test_an_error_has_no_words_of_docker_that_are_of_no_matter(
    mounts: Path, make: Callable[..., dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without services there is nothing to inspect, of which docker would complain with its usage."""
    (tmp_path / "bin" / "docker").write_text('#!/bin/sh\n[ "$1 $2" = "service ls" ] || echo usage >&2\n')
    make()
    assert "usage" not in capfd.readouterr().err


def test_a_copy_of_which_a_part_arrives_is_refused_and_comes_whole_the_next_time(
    folders: list[Path], make: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends between two files: to tar that is the archive's end."""
    whole = ssh.run
    part = members(archive(folders[:1]))["pges/first/pge.sh"].offset

    def run(*arguments: Any, stdin: bytes = b"", **options: Any) -> str:
        return whole(*arguments, stdin=stdin[:part], **options)

    monkeypatch.setattr(ssh, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        make()
    assert list((tmp_path / "config").iterdir()) == []
    monkeypatch.setattr(ssh, "run", whole)
    assert Path(make()["path"], "pges", "first", "pge.sh").exists()


def test_what_killed_commands_have_left_goes_unless_it_may_be_of_one_at_work(
    make: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The copies of both kinds are made at the same time."""
    for kind in ("workflows", "policies"):
        (tmp_path / "config" / f".{kind}.a1b2c3" / "copy" / "pges").mkdir(parents=True)
    copy = Path(make()["path"])
    assert {path.name for path in copy.parent.iterdir()} == {copy.name, ".policies.a1b2c3"}


def test_a_copy_that_goes_is_no_half_copy_if_its_end_is_interrupted(
    folders: list[Path], mounts: Path, make: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """An edit that is taken back finds the copy of the earlier content by its name."""
    mounts.write_text("[]")
    copies = Path(make()["path"]).parent
    rm = tmp_path / "bin" / "rm"
    rm.write_text('#!/bin/sh\nfind "$2" -name pge.sh -delete\n')
    rm.chmod(0o755)
    edit(folders, 11, make)
    left = list(copies.glob("workflows-*"))
    assert len(left) == 10
    assert all((copy / "pges" / "first" / "pge.sh").exists() for copy in left)


def test_a_job_folder_has_its_owner_or_is_not_there(
    make: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "jobs" / "first").rmdir()
    chown = tmp_path / "bin" / "chown"
    chown.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    chown.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        make()
    assert not (tmp_path / "jobs" / "first").exists()
    chown.write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/owner\n')
    make()
    assert (tmp_path / "jobs" / "first").stat().st_mode & 0o7777 == 0o2775
    assert (tmp_path / "owner").read_text() == "1000:1000\n"


def test_another_content_is_another_copy(folders: list[Path], make: Callable[..., dict[str, Any]]) -> None:
    before, provider = make(), CopyProvider()
    assert not provider.diff(before["path"], before, before).changes
    edit(folders, 1, make)
    assert provider.diff(before["path"], before, make()).replaces == ["path"]


def test_a_manager_that_does_not_answer_is_no_reason_to_copy(
    make: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_arguments: object, **_options: object) -> str:
        raise ssh.UnreachableError("manager: exit 255")

    props = make()
    monkeypatch.setattr(ssh, "run", run)
    assert CopyProvider().read(props["path"], props).id == props["path"]
