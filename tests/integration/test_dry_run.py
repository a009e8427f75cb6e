"""`oodt try` with the project's own image: the services, the verdict, the products, and what is left."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from testing.commands import Done, finish, start
from testing.oodt import docker
from testing.waiting import until
from toolchain.paths import REPOSITORY

TEST_WORKFLOW = REPOSITORY / "workflows" / "test-workflow"
FOREIGN = REPOSITORY / "testing" / "workflows" / "foreign"
REQUIRED = {"Dataset": "abc", "Project": "123", "Run": "1", "Seconds": "0"}


class Tried:
    """The command, begun."""

    def __init__(self, image: str, folder: Path, to: Path, *options: str, **metadata: str) -> None:
        pairs = [word for key, value in metadata.items() for word in ("--metadata", f"{key}={value}")]
        place = ("--image", image, "--to", str(to), "--json")
        self._said = to.with_name("said")
        with self._said.open("w") as stderr:
            environment = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
            self.process = start("dry_run", environment, str(folder), *place, *pairs, *options, stderr=stderr)

    def end(self) -> Done:
        """How it ended. Nothing is left of its container by then."""
        done = finish(self.process)
        assert self.containers() == []
        return done

    def containers(self) -> list[str]:
        """Its container, as long as docker has it."""
        told = self._said.read_text()
        name = told.partition("container ")[2].partition(" ")[0]
        assert name, told
        return docker("ps", "--all", "--quiet", "--filter", f"name={name}").stdout.split()

    def wait_for_job(self) -> None:
        until(lambda: "the job runs" in self._said.read_text(), what="start of the services")


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def test_the_products_of_a_job_that_succeeds_are_here(oodt_image: str, to: Path) -> None:
    done = Tried(oodt_image, TEST_WORKFLOW, to, **REQUIRED).end()
    assert done.code == 0, done.stdout
    files = [Path(path) for product in done.result["products"] for path in product["archived"]]
    job = done.result["job"]
    assert files == [to / "test-workflow" / f"output_Run_1_Task_{task}_{job}.dat" for task in (1, 2)]
    assert [file.stat().st_size for file in files] == [1024 * 1024] * 2
    assert {file.stat().st_uid for file in files} == {os.getuid()}


def test_a_foreign_workflow_runs_as_the_user_of_the_cluster(oodt_image: str, to: Path) -> None:
    done = Tried(oodt_image, FOREIGN, to, Station="alpine").end()
    assert done.code == 0, done.stdout
    files = [Path(path) for product in done.result["products"] for path in product["archived"]]
    assert [file.read_text() for file in files] == ["uid,1000\n"] * 2


def test_a_program_that_fails_is_told_with_its_log_and_leaves_no_product(oodt_image: str, to: Path) -> None:
    done = Tried(oodt_image, TEST_WORKFLOW, to, **REQUIRED, ExitCode2="3").end()
    assert (done.code, done.result["reason"]) == (
        1,
        "task urn:oodt:TestWorkflowTask2: its program did not exit with 0 but with 3",
    )
    assert "1 MB written" in done.result["log"]
    assert (done.result["products"], to.exists()) == ([], False)


def test_required_metadata_that_are_missing_are_named(oodt_image: str, to: Path) -> None:
    done = Tried(oodt_image, FOREIGN, to).end()
    assert (done.code, done.result["reason"]) == (
        1,
        "task urn:snow:Measure: metadata field Station is missing",
    )


def test_a_job_that_hangs_is_told_with_its_log_when_its_time_is_over(oodt_image: str, to: Path) -> None:
    done = Tried(oodt_image, FOREIGN, to, "--timeout", "60", Station="mute").end()
    assert (done.code, done.result["reason"]) == (4, "it did not end in time")
    assert done.result["log"] == "asking station mute"


def test_a_policy_that_oodt_cannot_read_is_told_with_the_words_of_oodt(
    oodt_image: str, to: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(FOREIGN, tmp_path / FOREIGN.name))
    # The check does not look for what a DOCTYPE names, as OODT does.
    tasks = broken / "policy" / "tasks.xml"
    tasks.write_text(f'<!DOCTYPE tasks SYSTEM "absent.dtd">\n{tasks.read_text()}')
    done = Tried(oodt_image, broken, to).end()
    assert (done.code, done.result["reason"]) == (1, "the Workflow Manager has ended with exit code 1")
    assert "absent.dtd" in done.result["log"]


def test_ctrl_c_removes_the_container(oodt_image: str, to: Path) -> None:
    tried = Tried(oodt_image, FOREIGN, to, Station="mute")
    tried.wait_for_job()
    tried.process.send_signal(signal.SIGINT)
    assert tried.end().code == 130


def test_a_command_that_is_killed_leaves_no_container(oodt_image: str, to: Path) -> None:
    tried = Tried(oodt_image, FOREIGN, to, Station="mute")
    tried.wait_for_job()
    tried.process.send_signal(signal.SIGKILL)
    tried.process.wait(timeout=10)
    until(lambda: not tried.containers(), what="removal of the container")
