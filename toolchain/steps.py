"""Runs steps one after another: each says in one line what it does, what came of it and how long it took.

What a step's commands print goes to its log file, whose end is shown when the step fails.
"""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from toolchain.paths import LOGS, TOOLCHAIN

SHOWN_LOG_LINES = 30


class StepFailed(Exception):
    """A failure that the text explains to the person at the keyboard, together with what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The log file of one step, to which its commands write."""

    path: Path
    file: IO[bytes]

    def run(
        self,
        command: Sequence[str | Path],
        *,
        timeout: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command that must succeed within `timeout` seconds; its output goes to the log."""
        self.note(f"$ {' '.join(map(str, command))}")
        subprocess.run(
            command,
            check=True,
            timeout=timeout,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.file,
            stderr=subprocess.STDOUT,
        )

    def note(self, text: str) -> None:
        self.file.write(f"{text}\n".encode())
        self.file.flush()

    def tail(self) -> str:
        self.file.flush()
        lines = self.path.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-SHOWN_LOG_LINES:])


@dataclass(frozen=True, kw_only=True)
class Step:
    """`run` returns in a few words what came of it."""

    name: str
    title: str
    run: Callable[[Log], str]


def run_steps(steps: Sequence[Step]) -> None:
    """Run the steps in order; exit with what to do at the first that fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        for step in steps:
            try:
                _run(step)
            except KeyboardInterrupt:
                sys.exit("interrupted; the same command goes on from here")


def _run(step: Step) -> None:
    print(f"toolchain: {step.title} ... ", end="", flush=True)
    started = time.monotonic()
    path = LOGS / f"{step.name}.log"
    with path.open("wb") as file:
        log = Log(path=path, file=file)
        try:
            outcome = step.run(log)
        except (StepFailed, subprocess.SubprocessError, OSError) as error:
            print(f"failed ({time.monotonic() - started:.1f} s)", flush=True)
            sys.exit(f"{log.tail()}\ntoolchain: {step.title}: {error}\nThe whole log: {path}")
    print(f"{outcome} ({time.monotonic() - started:.1f} s)", flush=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (TOOLCHAIN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("toolchain: another run is at work, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
