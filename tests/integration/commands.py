"""The operator's commands as a user types them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 120


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


def start_submit(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runtime.submit", *arguments],
        cwd=ROOT,
        env={"RABBITMQ_USER_URL": url, "PATH": "/usr/bin:/bin"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(command: subprocess.Popen[str], *, seconds: float = COMMAND_SECONDS) -> Done:
    stdout, stderr = command.communicate(timeout=seconds)
    return Done(code=command.returncode, stdout=stdout, stderr=stderr)


def submit(url: str, *arguments: str) -> Done:
    """Run the command to its end: ``submit(url, "--jobs", "10", "--wait")``."""
    return finish(start_submit(url, "--event", "test-workflow", *arguments))


def command(name: str, environment: dict[str, str], *arguments: str) -> Done:
    """Run another of the commands to its end: ``command("status", status.commands, "--json")``."""
    done = subprocess.run(
        [sys.executable, "-m", f"runtime.{name}", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        text=True,
        capture_output=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
