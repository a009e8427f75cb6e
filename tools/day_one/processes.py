"""Programs that are run with a time limit: at the limit they are asked to end, and then made to."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE = 60  # seconds from the request to end until the kill


class ProgramError(Exception):
    """A program failed or took too long; the text has the end of what it wrote."""


def run(line: Sequence[str], log: Path, *, seconds: float, environment: Mapping[str, str]) -> str:
    """What the program wrote, which is added to ``log`` too. Raises ProgramError."""
    with log.open("a") as output:
        output.write(f"\n$ {shlex.join(line)}\n")
        output.flush()
        begin = output.tell()
        process = subprocess.Popen(
            line,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is for this program, which then ends the others in order
        )
        try:
            code = process.wait(timeout=max(seconds, 1))
        except subprocess.TimeoutExpired:
            _end(process)
            raise ProgramError(f"{line[0]} did not end within {seconds:.0f} s: {_tail(log, begin)}") from None
        except BaseException:
            _end(process)
            raise
    if code:
        raise ProgramError(f"{shlex.join(line[:3])} ended with {code}: {_tail(log, begin)}")
    return _text(log, begin)


def output(line: Sequence[str], *, seconds: float, environment: Mapping[str, str]) -> str:
    """What the program wrote, which no log gets. Raises ProgramError."""
    try:
        done = subprocess.run(
            line, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{line[0]} did not end within {seconds:.0f} s") from None
    if done.returncode:
        raise ProgramError(f"{shlex.join(line)} ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """Pulumi ends in order at SIGINT."""
    for number, seconds in ((signal.SIGINT, GRACE), (signal.SIGKILL, GRACE)):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def _text(log: Path, begin: int) -> str:
    with log.open("rb") as written:
        written.seek(begin)
        return written.read().decode(errors="replace")


def _tail(log: Path, begin: int) -> str:
    return _text(log, begin).strip()[-1500:]
