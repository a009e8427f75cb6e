"""The operator's commands as a user types them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, Any

from testing.waiting import BUSY
from toolchain.paths import REPOSITORY

COMMAND_SECONDS = BUSY * 120
# How long submit and status wait until a test's jobs have ended.
TIMEOUT = ("--timeout", str(BUSY * 90))
WAIT = ("--wait", "--json", *TIMEOUT)
FOLLOW = ("--follow", *TIMEOUT)


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.stdout)
        return result


def start(
    name: str, environment: dict[str, str], *arguments: str, stderr: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start ``python -m runtime.NAME``."""
    return subprocess.Popen(
        [sys.executable, "-m", f"runtime.{name}", *arguments],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def start_submit(url: str, *arguments: str) -> subprocess.Popen[str]:
    return start("submit", {"RABBITMQ_USER_URL": url}, *arguments)


def finish(command: subprocess.Popen[str], *, seconds: float = COMMAND_SECONDS) -> Done:
    try:
        stdout, stderr = command.communicate(timeout=seconds)
    finally:
        command.kill()
    return Done(code=command.returncode, stdout=stdout, stderr=stderr or "")


def submit(url: str, *arguments: str) -> Done:
    """Run the command to its end: ``submit(url, "--jobs", "10", "--wait")``."""
    return finish(start_submit(url, "--event", "test-workflow", *arguments))


def command(name: str, environment: dict[str, str], *arguments: str) -> Done:
    """Run another of the commands to its end: ``command("status", status.commands, "--json")``."""
    return finish(start(name, environment, *arguments))
