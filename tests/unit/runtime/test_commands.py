"""What the operator's commands say and how they end, where no service is needed for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cli.commands import load
from tests.unit.runtime.cli.service import answering

ROOT = Path(__file__).parents[3]
SECONDS = 60
NOBODY = "127.0.0.1:9"
EVENT = ("--event", "test-workflow")
STATUS = {"STATUS_URL": f"http://{NOBODY}", "STATUS_TOKEN": "token"}
BROKER = {"RABBITMQ_USER_URL": f"amqp://user:secret@{NOBODY}/%2F"}


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Say":
    return Say(monkeypatch, capsys)


class Say:
    """Runs a command here: ``code, stdout, stderr = say("status", STATUS, "--json")``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, name: str, environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
        for variable, value in environment.items():
            self._monkeypatch.setenv(variable, value)
        try:
            code = load(name).main(arguments)
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def overview() -> Iterator[dict[str, str]]:
    """A status service with more to tell than a pipe holds; the commands' environment."""
    answer = {
        "queues": [],
        "nodes": [],
        "broker": {"problem": None, "connected": True},
        "batches": [],
        "reasons": [{"reason": "x" * 1000, "jobs": 1, "event": "a", "job": "b"}] * 1000,
    }

    with answering(answer) as environment:
        yield environment


def test_a_reader_that_has_seen_enough_changes_nothing_of_how_a_command_ends(
    overview: dict[str, str],
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "runtime.status", "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **overview},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    assert command.stdout.read(10)
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == ""
    assert command.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("status", ("--job", "")),
        ("status", ("--batch", "")),
        ("status", ("--job", "a", "--event", "")),
        ("cancel", ("--job", "")),
        ("cancel", ("--batch", "")),
        ("redrive", (*EVENT, "--batch", "")),
        ("redrive", (*EVENT, "--reason", "")),
        ("redrive", (*EVENT, "--job", "")),
        ("submit", (*EVENT, "--batch", "")),
        ("submit", (*EVENT, "--jobs", "1", "--counter", "")),
        ("submit", (*EVENT, "--jobs", "1", "--batch-id", "")),
    ],
)
def test_what_an_unset_variable_leaves_of_an_option_is_refused(
    say: Say, name: str, arguments: tuple[str, ...]
) -> None:
    code, stdout, stderr = say(name, {**STATUS, **BROKER}, *arguments)
    assert (code, stdout) == (2, "")
    assert "''" in stderr


def test_an_event_without_a_job_or_batch_is_refused(say: Say) -> None:
    code, _, stderr = say("status", STATUS, *EVENT)
    assert code == 2
    assert "--event goes with --job" in stderr


def test_the_files_of_a_job_are_shown_as_the_archive_has_them_with_the_line_that_brings_them(
    say: Say,
) -> None:
    product = {"name": "a.dat", "archived": ["/usr/local/oodt/archive/TestFile/a.dat"]}
    facts = {"event": "e", "batch": None, "state": "SUCCEEDED", "queued": None, "reason": None, "log": None}
    answer = {"jobs": [{"event": "e"}], "job": "a job", **facts, "runs": [], "products": [product]}
    with answering(answer) as environment:
        code, stdout, _ = say("status", environment, "--job", "a job")
    assert code == 0
    assert " TestFile/a.dat " in stdout and "/usr/local" not in stdout
    assert "oodt fetch --job 'a job' --to DIR" in stdout


@pytest.mark.parametrize(
    ("name", "arguments"), [("status", ()), ("cancel", ("--batch", "b")), ("clean", ("ledger",))]
)
def test_a_wrong_address_of_the_status_service_is_told_by_name_value_and_fix(
    say: Say, tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    folders = {"OODT_ARCHIVE": str(tmp_path), "OODT_JOBS": str(tmp_path), "OODT_LEDGER": str(tmp_path)}
    code, _, stderr = say(name, {**folders, **STATUS, "STATUS_URL": "foo"}, *arguments)
    assert code == 2
    assert stderr == "STATUS_URL is 'foo': set it to an address like http://localhost:8080\n"


def test_a_token_that_cannot_be_sent_is_refused_and_not_repeated(say: Say) -> None:
    code, _, stderr = say("status", {**STATUS, "STATUS_TOKEN": "secret\n"})
    assert code == 2
    assert stderr == "STATUS_TOKEN holds a blank, or what is not ASCII: correct it\n"


def test_to_clean_here_both_folders_must_be_named(say: Say, tmp_path: Path) -> None:
    code, _, stderr = say("clean", {**STATUS, "OODT_ARCHIVE": str(tmp_path), "OODT_JOBS": ""}, "jobs")
    assert code == 2
    assert "OODT_ARCHIVE is set and OODT_JOBS is not" in stderr


@pytest.mark.parametrize(("host", "cause"), [("nowhere.invalid", "gaierror"), (NOBODY, "Connection refused")])
def test_redrive_tells_of_a_broker_that_is_not_there_also_as_json(say: Say, host: str, cause: str) -> None:
    environment = {"RABBITMQ_USER_URL": f"amqp://user:secret@{host}/"}
    code, stdout, stderr = say("redrive", environment, *EVENT, "--all", "--json")
    assert code == 3
    assert json.loads(stdout)["redriven"] == 0
    assert stderr.startswith(f"no broker at {host}")
    assert cause in stderr
    assert "correct RABBITMQ_USER_URL" in stderr
    assert "secret" not in stderr


@pytest.mark.parametrize("name", ["submit", "redrive"])
def test_a_brokers_address_that_the_client_does_not_take_is_bad_input(say: Say, name: str) -> None:
    arguments = {"submit": ("--jobs", "1"), "redrive": ("--all",)}[name]
    environment = {"RABBITMQ_USER_URL": "amqp://user:secret@broker/?heartbeat=abc"}
    code, _, stderr = say(name, environment, *EVENT, *arguments)
    assert code == 2
    assert "ends with 'heartbeat=abc'" in stderr


@pytest.mark.parametrize("count", ["0", "-1", "many", "99999999999999999999999"])
def test_a_number_of_jobs_that_is_none_is_refused_with_its_range(say: Say, count: str) -> None:
    code, _, stderr = say("submit", BROKER, *EVENT, f"--jobs={count}")
    assert code == 2
    assert f"'{count}' is not a number of jobs: use 1 to 1000000000" in stderr


@pytest.mark.parametrize("seconds", ["0", "soon", "nan", "1e300"])
def test_a_time_that_is_none_is_refused_with_its_range(say: Say, seconds: str) -> None:
    code, _, stderr = say("status", STATUS, "--timeout", seconds)
    assert code == 2
    assert f"'{seconds}' is not a time: use a number of seconds above 0, at most 1000000000" in stderr


@pytest.mark.timeout(SECONDS)
def test_the_time_limit_of_submit_covers_whatever_number_of_jobs(say: Say) -> None:
    code, stdout, _ = say("submit", BROKER, *EVENT, "--jobs", "999999999", "--timeout", "1", "--json")
    assert code == 4
    assert json.loads(stdout)["submitted"] == 0


@pytest.mark.timeout(SECONDS)
def test_the_time_limit_of_submit_covers_a_pipe_that_nobody_writes_to(say: Say, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, stdout, stderr = say("submit", BROKER, *EVENT, "--batch", str(pipe), "--timeout", "1", "--json")
    assert code == 4
    assert json.loads(stdout)["submitted"] == 0
    assert "the jobs were still being read, none was submitted" in stderr


@pytest.mark.parametrize("file", ["-", "/dev/stdin"])
def test_a_batch_comes_also_from_standard_input(file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runtime.submit", *EVENT, "--batch", file, "--timeout", "8"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **BROKER},
        input="Run\n" + "1\n" * 5000,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert ": 5000 jobs of test-workflow" in done.stderr


def test_a_batch_without_jobs_is_bad_input(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("Run\n")
    code, _, stderr = say("submit", BROKER, *EVENT, "--batch", str(path))
    assert code == 2
    assert stderr == f"{path} has a header and no job: give it a line for each job\n"
