"""Runs steps side by side or in order. Each says when it begins, and then its result and how long it took.

The output of a step's commands goes to a log file. When the step fails, the end of the file is shown.
"""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from toolchain.paths import LOGS, TOOLCHAIN

SHOWN_LOG_LINES = 30


class StepFailed(Exception):
    """A failure. The text tells the user what is wrong and what to do about it."""


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
    """`run` returns the result in a few words."""

    name: str
    title: str
    run: Callable[[Log], str]


def run_steps(*chains: Sequence[Step]) -> None:
    """Run the chains side by side, each in its order. Exit with what to do about a step that fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(), ThreadPoolExecutor(len(chains)) as pool:
        try:
            failures = list(filter(None, pool.map(_run_chain, chains)))
        except KeyboardInterrupt:  # what the steps have started got the signal too
            sys.exit("interrupted; the same command goes on from here")
    if failures:
        sys.exit("\n".join(failures))


def _run_chain(steps: Sequence[Step]) -> str | None:
    """What there is to say about the step that failed, if one did."""
    return next(filter(None, map(_run, steps)), None)


def _run(step: Step) -> str | None:
    print(f"toolchain: {step.title} ...", flush=True)
    started = time.monotonic()
    path = LOGS / f"{step.name}.log"
    with path.open("wb") as file:
        log = Log(path=path, file=file)
        try:
            outcome = step.run(log)
        except (StepFailed, subprocess.SubprocessError, OSError) as error:
            print(f"toolchain: {step.title}: failed ({time.monotonic() - started:.1f} s)", flush=True)
            return f"{log.tail()}\ntoolchain: {step.title}: {error}\nThe whole log: {path}"
    print(f"toolchain: {step.title}: {outcome} ({time.monotonic() - started:.1f} s)", flush=True)
    return None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (TOOLCHAIN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("toolchain: another run is at work, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
