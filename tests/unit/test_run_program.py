"""What runs the program of a PGE task: its exit code, its output, its end."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.waiting import until

RUN_PROGRAM = Path(__file__).parents[2] / "images" / "oodt" / "bin" / "run-program"
SECONDS = 20
# A child, one in a session of its own, one without the environment, and a daemon.
FAMILY = "sleep {0} & setsid sleep {0} & env -i setsid sleep {0} & (setsid sleep {0} &); sleep {0}"


def start(file: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["python3", "-IS", RUN_PROGRAM, file, *command],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("no-such-program", 127)]
)
def test_it_exits_as_the_program_and_notes_it(tmp_path: Path, script: str, code: int) -> None:
    process = start(tmp_path / "result", "sh", "-c", script)
    assert process.wait(SECONDS) == code
    assert (tmp_path / "result").read_text().splitlines()[0] == str(code)


def test_output_is_passed_on_and_the_last_of_it_is_kept(tmp_path: Path) -> None:
    stdout, stderr = start(
        tmp_path / "result", "sh", "-c", "seq 1 100000; echo the reason >&2; exit 1"
    ).communicate(timeout=SECONDS)
    assert stdout == "".join(f"{number}\n" for number in range(1, 100001))
    assert stderr == "the reason\n"
    code, kept = (tmp_path / "result").read_text().split("\n", 1)
    assert code == "1"
    assert len(kept) == 4096
    assert "the reason\n" in kept


def test_a_program_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    _, stderr = start(tmp_path / "result", "/no/such/shell").communicate(timeout=SECONDS)
    assert stderr == "/no/such/shell: No such file or directory\n"
    assert (tmp_path / "result").read_text() == f"127\n{stderr}"


def test_a_daemon_that_holds_the_output_does_not_hold_up_the_end(tmp_path: Path) -> None:
    process = start(tmp_path / "result", "sh", "-c", "(setsid sleep 300 & echo $! >&2)")
    assert process.wait(SECONDS) == 0
    assert process.stderr is not None
    os.kill(int(process.stderr.readline()), signal.SIGKILL)


def test_a_signal_kills_the_program_and_all_that_it_has_started(tmp_path: Path) -> None:
    seconds = f"7{os.getpid()}"
    process = start(tmp_path / "result", "sh", "-c", f"echo begun; {FAMILY.format(seconds)}")
    until(lambda: len(_sleeping(seconds)) == 5, what="programs")
    process.terminate()
    assert process.wait(SECONDS) == 137
    assert _sleeping(seconds) == []
    assert (tmp_path / "result").read_text() == "137\nbegun\n"


def _sleeping(seconds: str) -> list[str]:
    found = subprocess.run(
        ["pgrep", "--full", f"^sleep {seconds}$"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return found.stdout.split()
