"""What `oodt try` asks of docker, says, and leaves: docker is a program that answers as the image would."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.cli import try_image
from runtime.dry_run import COMMAND
from toolchain.paths import REPOSITORY

WORKFLOW = str(REPOSITORY / "workflows" / "test-workflow")
TWO = '<event name="two"><workflow id="urn:oodt:TestWorkflow"/></event>'
SUCCESS = {
    "succeeded": True,
    "timed_out": False,
    "archive": "/archive",
    "reason": None,
    "log": None,
    "products": [{"id": "1", "name": "a.dat", "type": "File", "archived": ["/archive/deep/a.dat"]}],
}
FAILURE = {**SUCCESS, "succeeded": False, "reason": "task a: it failed", "log": "no star", "products": []}
# Notes each line that it is called with. It keeps what a container is given, and says what it is told to say.
DOCKER = """#!{python}
import io, json, sys, tarfile
from pathlib import Path
here = Path(__file__).parent
say = json.loads((here / "say.json").read_text())
with open(here / "calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
if sys.argv[1:3] == ["image", "ls"]:
    print(*say["images"], sep="\\n")
if sys.argv[1] == "run":
    if say["stderr"]:
        sys.exit(print(say["stderr"], file=sys.stderr) or say["code"])
    (here / "job").write_bytes(sys.stdin.buffer.readline())
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as workflow:
        (here / "workflow").write_text("\\n".join(workflow.getnames()))
    for line in say["lines"]:
        print(json.dumps(line), flush=True)
    with io.BytesIO() as sent:
        with tarfile.open(fileobj=sent, mode="w|") as archive:
            content = b"of a star"
            product = tarfile.TarInfo("./deep/a.dat")
            product.size, product.uid = len(content), 4711
            archive.addfile(product, io.BytesIO(content))
        sys.stdout.buffer.write(sent.getvalue()[:say["bytes"]])
    sys.exit(say["code"])
"""

Try = Callable[..., tuple[int, str, str]]


class Docker:
    """A docker that says what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "docker"
        program.write_text(DOCKER.format(python=sys.executable))
        program.chmod(0o755)
        self.says({"outcome": SUCCESS})

    def says(
        self,
        *lines: dict[str, Any],
        images: list[str] | None = None,
        stderr: str = "",
        bytes: int | None = None,
        code: int = 0,
    ) -> None:
        say = {
            "lines": lines,
            "images": images or ["oodt-dev-oodt:latest"],
            "stderr": stderr,
            "bytes": bytes,
            "code": code,
        }
        (self._folder / "say.json").write_text(json.dumps(say))

    @property
    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()

    @property
    def job(self) -> dict[str, Any]:
        job: dict[str, Any] = json.loads((self._folder / "job").read_text())
        return job

    @property
    def workflow(self) -> list[str]:
        return (self._folder / "workflow").read_text().splitlines()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return Docker(tmp_path / "bin")


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Try:
    """Runs the command in a folder of its own; its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = COMMAND.main(arguments, program="oodt try")
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def workflow(folder: Path, *events: str) -> str:
    for part in ("policy", "pge-configs", "pges"):
        (folder / part).mkdir(parents=True)
    listed = "".join(f'<event name="{event}"/>' for event in events)
    (folder / "policy" / "events.xml").write_text(f"<events>{listed}</events>")
    return str(folder)


def test_products_arrive_in_a_folder_here_and_their_paths_are_shown(
    attempt: Try, docker: Docker, tmp_path: Path
) -> None:
    code, out, _ = attempt(WORKFLOW, "--metadata", "Run=1")
    assert code == 0
    product = tmp_path / "test-workflow-try" / "deep" / "a.dat"
    assert (product.read_text(), product.stat().st_uid) == ("of a star", os.getuid())
    assert "1 products in test-workflow-try" in out and "File: test-workflow-try/deep/a.dat" in out


@pytest.mark.parametrize("size", [0, 512 + 5, 512 + 512])
def test_products_that_do_not_all_arrive_are_told_and_none_has_its_name_by_half(
    attempt: Try, docker: Docker, tmp_path: Path, size: int
) -> None:
    """The container dies before, in, or after a product: to tar an archive may end between two files."""
    docker.says({"outcome": SUCCESS}, bytes=size, code=137)
    code, out, err = attempt(WORKFLOW)
    assert (code, "did not all arrive" in err, "succeeded" in out) == (1, True, False)
    left = [path.read_text() for path in tmp_path.glob("test-workflow-try/**/*") if path.is_file()]
    assert left == (["of a star"] if size == 512 + 512 else [])


def test_a_product_from_before_stays_until_the_new_one_is_whole(
    attempt: Try, docker: Docker, tmp_path: Path
) -> None:
    attempt(WORKFLOW)
    docker.says({"outcome": SUCCESS}, bytes=512 + 5, code=137)
    assert attempt(WORKFLOW)[0] == 1
    assert (tmp_path / "test-workflow-try" / "deep" / "a.dat").read_text() == "of a star"


def test_the_container_gets_the_job_and_the_workflow_and_no_metadata_as_an_argument(
    attempt: Try, docker: Docker
) -> None:
    attempt(WORKFLOW, "--metadata", "Run=secret", "--metadata", "Dataset=a=b", "--timeout", "50")
    assert (docker.job["event"], docker.job["metadata"]) == (
        "test-workflow",
        {"Run": "secret", "Dataset": "a=b"},
    )
    assert 0 < docker.job["seconds"] <= 50
    assert "workflows/policy/events.xml" in docker.workflow
    assert "pges/test-workflow/pge.py" in docker.workflow
    assert not any("secret" in call for call in docker.calls)


def test_a_job_that_fails_is_told_with_reason_and_log_and_makes_no_folder(
    attempt: Try, docker: Docker, tmp_path: Path
) -> None:
    docker.says({"ready": True}, {"outcome": FAILURE})
    code, out, err = attempt(WORKFLOW)
    assert code == 1
    assert "task a: it failed" in out and out.endswith("last of its log:\nno star\n")
    assert "the job runs" in err
    assert not (tmp_path / "test-workflow-try").exists()


def test_the_result_as_json_has_the_keys_of_a_job(attempt: Try, docker: Docker) -> None:
    docker.says({"outcome": FAILURE})
    code, out, _ = attempt(WORKFLOW, "--json")
    answer = json.loads(out)
    assert (code, answer["state"], answer["reason"], answer["log"], answer["products"]) == (
        *(1, "DEAD", "task a: it failed", "no star"),
        [],
    )


def test_a_job_whose_time_is_over_has_the_exit_code_of_a_timeout(attempt: Try, docker: Docker) -> None:
    docker.says({"outcome": {**FAILURE, "timed_out": True}})
    code, out, err = attempt(WORKFLOW, "--timeout", "30")
    assert (code, "no star" in out) == (4, True)
    assert err.splitlines()[-1] == "not done within 30 s"


def test_a_service_that_does_not_start_is_told_with_what_it_said(attempt: Try, docker: Docker) -> None:
    docker.says({"failed": "the Workflow Manager has ended with exit code 1"})
    code, out, _ = attempt(WORKFLOW)
    assert (code, "the Workflow Manager has ended with exit code 1" in out) == (1, True)


def test_a_container_that_says_nothing_is_told_with_its_log(attempt: Try, docker: Docker) -> None:
    docker.says(stderr="no workflow here", code=1)
    code, out, _ = attempt(WORKFLOW)
    assert (code, "exit code 1" in out, "no workflow here" in out) == (1, True, True)


def test_the_newest_image_of_a_stack_is_used_unless_another_is_named(attempt: Try, docker: Docker) -> None:
    docker.says({"outcome": SUCCESS}, images=["oodt-new-oodt:latest", "oodt-old-oodt:latest"])
    attempt(WORKFLOW)
    attempt(WORKFLOW, "--image", "mine")
    runs = [call for call in docker.calls if call.startswith("run ")]
    assert [call.split()[-2:] for call in runs] == [["oodt-new-oodt:latest", "try"], ["mine", "try"]]


def test_where_docker_has_no_image_and_none_can_be_built_the_fix_is_named(
    attempt: Try, docker: Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker.says(images=[""])
    monkeypatch.setattr(try_image, "REPOSITORY", tmp_path)
    code, _, err = attempt(WORKFLOW)
    assert (code, "--image" in err, "pulumi up" in err) == (2, True, True)


def test_an_image_that_is_not_there_is_named(attempt: Try, docker: Docker) -> None:
    docker.says(stderr="docker: No such image: mine", code=125)
    code, _, err = attempt(WORKFLOW, "--image", "mine")
    assert (code, "--image is 'mine'" in err) == (2, True)


def test_a_docker_that_does_not_answer_is_no_fault_of_the_job(attempt: Try, docker: Docker) -> None:
    docker.says(stderr="Cannot connect to the Docker daemon", code=125)
    code, _, err = attempt(WORKFLOW)
    assert (code, "docker info" in err) == (3, True)


def test_a_machine_without_docker_is_told_what_to_do(attempt: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for arguments in ((WORKFLOW,), (WORKFLOW, "--image", "mine")):
        code, _, err = attempt(*arguments)
        assert (code, "no docker on PATH: install it" in err) == (3, True)


@pytest.mark.parametrize(
    ("events", "arguments", "words"),
    [
        ((), (), "has 0 events"),
        (("one", "two"), (), "name one with --event: one, two"),
        (("one",), ("--event", "other"), "it has: one"),
        (("amq.one",), (), "'amq.one'"),
        (("one",), ("--metadata", "Run"), "--metadata is 'Run': write it as KEY=VALUE"),
        (("one",), ("--metadata", "TaskId=1"), "TaskId is OODT's own"),
        (("one",), ("--to", __file__), "is no folder"),
    ],
)
def test_what_is_wrong_is_told_before_docker_is_asked(
    events: tuple[str, ...], arguments: tuple[str, ...], words: str, attempt: Try, tmp_path: Path
) -> None:
    code, _, err = attempt(workflow(tmp_path / "flow", *events), *arguments)
    assert (code, words in err) == (2, True), err


def test_a_folder_that_is_no_workflow_is_told_what_it_lacks(attempt: Try, tmp_path: Path) -> None:
    code, _, err = attempt(str(tmp_path))
    assert (code, "it has no folder policy" in err) == (2, True)


def test_one_of_several_events_can_be_named(attempt: Try, docker: Docker, tmp_path: Path) -> None:
    folder = shutil.copytree(WORKFLOW, tmp_path / "test-workflow")
    events = folder / "policy" / "events.xml"
    before, event, after = events.read_text().partition('<event name="test-workflow">')
    events.write_text(f"{before}{event}{after.replace('</event>', '</event>' + TWO)}")
    code, _, err = attempt(str(folder), "--event", "two")
    assert code == 0, err
    assert docker.job["event"] == "two"


def test_an_archive_that_would_leave_the_folder_is_refused(
    attempt: Try, docker: Docker, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "docker"
    program.write_text(program.read_text().replace("./deep/a.dat", "../a.dat"))
    code, _, err = attempt(WORKFLOW)
    assert (code, "did not all arrive" in err) == (1, True)
    assert not (tmp_path / "a.dat").exists()
