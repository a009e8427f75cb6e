"""run-program, which runs the program of a PGE task: its exit code, its output, its end."""

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from testing.oodt import COMMAND_SECONDS, RUN_PROGRAM, Container, docker
from testing.waiting import until

RESULT = "/tmp/result"
LOG_BYTES = 65536
FULL_LOG = "/tmp/logs/run/task.gz"
# A child, one in a session of its own, one without the environment, and a daemon.
FAMILY = "sleep {0} & setsid sleep {0} & env -i setsid sleep {0} & (setsid sleep {0} &); sleep {0}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A container in which programs run, each test's own."""

    container: Container

    def run(
        self, *command: str, full_log: str = "", open_files: int = 1024
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        self.container.run("sh", "-c", f"printf 'OODT_RUN_LOG=%s\\0' '{full_log}' >{RESULT}")
        line = ("prlimit", f"--nofile={open_files}", RUN_PROGRAM, RESULT, *command)
        return docker("exec", self.container.name, *line, check=False)

    def start(self, *command: str) -> subprocess.Popen[str]:
        line = ["docker", "exec", self.container.name, RUN_PROGRAM, RESULT, *command]
        return subprocess.Popen(line, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def result(self) -> tuple[str, str]:
        """Exit code and log as run-program wrote them."""
        code, log = self.container.run("cat", RESULT).split("\n", 1)
        return code, log

    def processes(self, line: str) -> list[str]:
        return self.container.run("pgrep", "--full", f"^{line}$", check=False).split()

    def terminate(self) -> None:
        self.container.run("pkill", "-TERM", "-x", "run-program")


@pytest.fixture
def place(oodt_image: str) -> Iterator[Place]:
    container = Container(name=f"oodt-test-program-{uuid.uuid4().hex[:8]}")
    docker(
        *("run", "--detach", "--init", "--name", container.name),
        *("--entrypoint", "sleep", oodt_image, "infinity"),
    )
    yield Place(container=container)
    docker("rm", "--force", container.name)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("no-such-program", 127)]
)
def test_it_exits_as_the_program_and_notes_it(place: Place, script: str, code: int) -> None:
    assert place.run("sh", "-c", script).returncode == code
    assert place.result()[0] == str(code)


def test_output_is_passed_on_and_the_last_of_it_is_kept(place: Place) -> None:
    done = place.run("sh", "-c", "seq 1 100000; echo the reason >&2; exit 1")
    assert done.stdout == "".join(f"{number}\n" for number in range(1, 100001))
    assert done.stderr == "the reason\n"
    code, log = place.result()
    assert code == "1"
    assert len(log) == LOG_BYTES
    assert "the reason\n" in log


def test_all_output_is_in_the_full_log_and_an_earlier_one_stays(place: Place) -> None:
    for script in ("seq 1 100000; echo ${OODT_RUN_LOG-none}", "seq 5; exit 1"):
        place.run("sh", "-c", script, full_log=FULL_LOG)
    numbers = [*range(1, 100001), "none", *range(1, 6)]
    assert place.container.run("zcat", FULL_LOG) == "".join(f"{number}\n" for number in numbers)


def test_a_full_log_can_be_read_while_the_program_runs(place: Place) -> None:
    script = f"echo begun; until zcat {FULL_LOG} 2>/dev/null | grep begun; do sleep 1; done"
    assert place.run("sh", "-c", script, full_log=FULL_LOG).stdout == "begun\nbegun\n"


@pytest.mark.parametrize("full_log", ["/proc/none/log.gz", "/dev/full", "/etc/hostname/log.gz", "log"])
def test_a_full_log_that_cannot_be_written_changes_nothing(place: Place, full_log: str) -> None:
    assert place.run("sh", "-c", "seq 100000; exit 3", full_log=full_log).returncode == 3
    code, log = place.result()
    assert (code, log[-7:]) == ("3", "100000\n")


def test_a_progress_bar_does_not_push_the_cause_out(place: Place) -> None:
    bar = "i=0; while [ $i -lt 30000 ]; do printf '\\r%d %%' $i; i=$((i + 1)); done"
    place.run("sh", "-c", f"echo the cause; {bar}; echo; exit 1")
    log = place.result()[1]
    assert log.startswith("the cause\n") and log.endswith("29999 %\n") and len(log) < 100


def test_a_program_that_cannot_be_started_says_so(place: Place) -> None:
    done = place.run("/no/such/shell")
    assert done.stderr == "/no/such/shell: No such file or directory\n"
    assert place.result() == ("127", done.stderr)


def test_what_keeps_the_helper_from_its_work_is_noted(place: Place) -> None:
    done = place.run("true", full_log=FULL_LOG, open_files=5)
    assert done.stderr == "run-program cannot make a pipe: Too many open files\n"
    assert place.result() == ("126", done.stderr)


def test_a_program_finds_the_signal_for_closed_pipes_as_it_is_by_default(place: Place) -> None:
    assert place.run("bash", "-c", "yes | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}").returncode == 141


def test_a_daemon_that_holds_the_output_does_not_hold_up_the_end(place: Place) -> None:
    assert place.run("sh", "-c", "setsid sleep 300 & exit 0").returncode == 0
    assert len(place.processes("sleep 300")) == 1


def test_a_signal_kills_the_program_and_all_that_it_has_started(place: Place) -> None:
    process = place.start("sh", "-c", f"echo begun; {FAMILY.format(77)}")
    until(lambda: len(place.processes("sleep 77")) == 5, what="programs")
    place.terminate()
    assert process.wait(COMMAND_SECONDS) == 137
    assert place.processes("sleep 77") == []
    assert place.result() == ("137", "begun\n")


def test_a_program_that_writes_without_end_can_be_killed(place: Place) -> None:
    process = place.start("yes")
    until(lambda: place.processes("yes"), what="program")
    place.terminate()
    assert process.wait(COMMAND_SECONDS) == 137
