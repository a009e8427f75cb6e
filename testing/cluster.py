"""A cluster for tests: a copy of the project with a stack of its own, driven by a user's commands."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import names
from runtime.cli.status_client import StatusClient
from testing.waiting import BUSY
from toolchain.environment import local_backend, variables
from toolchain.paths import REPOSITORY

UP_TIMEOUT = 900  # seconds; the first `up` builds every image
COMMAND_TIMEOUT = BUSY * 120  # seconds
CHANGING = ("up", "refresh", "destroy")


@dataclass
class Cluster:
    """A stack in its own copy of the project; nothing of it is in the user's checkout, backend or swarm.

    ``group`` is the group that the user's commands run in, if it is not this process's.
    """

    folder: Path
    stack: str
    environment: dict[str, str] = field(default_factory=dict)
    group: int | None = None
    _outputs: dict[str, Any] = field(default_factory=dict, init=False)

    @classmethod
    def make(cls, folder: Path, subnet: str) -> Cluster:
        """Copy the project's files as they are now, and make an empty stack with this subnet."""
        copy_project(folder)
        (folder / ".venv").symlink_to(REPOSITORY / ".venv")
        state = folder / ".state"
        state.mkdir()
        environment = os.environ | variables()
        for name in ("PULUMI_CONFIG_PASSPHRASE_FILE", "RABBITMQ_USER_URL", "PULUMI_STACK"):
            environment.pop(name, None)
        environment |= {
            "PULUMI_BACKEND_URL": local_backend(state),
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
            "NO_COLOR": "1",
        }
        cluster = cls(folder=folder, stack=f"e2e-{secrets.token_hex(2)}", environment=environment)
        cluster.pulumi("stack", "init", cluster.stack)
        cluster.pulumi("config", "set", "subnet", subnet)
        return cluster

    @property
    def prefix(self) -> str:
        """The prefix of all names that the stack gives on the user's docker."""
        return f"oodt-{self.stack}"

    def pulumi(self, *arguments: str, timeout: float = COMMAND_TIMEOUT, check: bool = True) -> str:
        """Run a pulumi command and return all that it wrote."""
        if arguments[0] in CHANGING:
            self._outputs.clear()
        line = ["pulumi", "--non-interactive", "--color", "never", *arguments]
        done = self._run(line, cwd=self.folder, env=self.environment, timeout=timeout, check=False)
        text = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(f"{' '.join(line)} ended with {done.returncode}:\n{text[-8000:]}")
        return text

    def up(self, **settings: str) -> dict[str, int]:
        """Set these keys, then `pulumi up`; returns the number of resources by what was done to them."""
        for key, value in settings.items():
            self.pulumi("config", "set", key, value)
        self.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT)
        last = json.loads(self.pulumi("stack", "history", "--json", "--page-size", "1"))[0]
        return {what: number for what, number in last["resourceChanges"].items() if what != "same"}

    def output(self, name: str) -> str:
        """An output of the stack; Pulumi is asked for all of them once after each change."""
        if not self._outputs:
            self._outputs.update(json.loads(self.pulumi("stack", "output", "--json", "--show-secrets")))
        value = self._outputs[name]
        return value if isinstance(value, str) else json.dumps(value)

    def manager(self, command: str, *, check: bool = True) -> str:
        """Run a shell command on the manager node."""
        line = [*shlex.split(self.output("ssh")), "-o", "BatchMode=yes", command]
        return self._run(line, check=check).stdout

    def tasks(self, service: str) -> dict[str, str]:
        """Node by task id, of the tasks of a service that run."""
        form = "'{{.ID}} {{.Node}} {{.CurrentState}}'"
        listed = self.manager(f"docker service ps {service} --filter desired-state=running --format {form}")
        rows = [line.split() for line in listed.splitlines()]
        return {task: node for task, node, state, *_ in rows if state == "Running"}

    def on_node(self, node: str, command: str) -> str:
        """Run a command in a node container, such as ``worker1``."""
        return _run(["docker", "exec", f"{self.prefix}-{node}", "sh", "-c", command]).stdout

    def products(self) -> list[str]:
        """Paths of all files in the archive, in order."""
        return sorted(self.manager(f"find {self.output('archive')} -type f").splitlines())

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one of the operator's commands."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            group=self.group,
        )

    def status(self) -> StatusClient:
        """The status service, which can be asked more often than a command can be started."""
        return StatusClient(self.output(names.STATUS_URL_OUTPUT), self.output(names.STATUS_TOKEN_OUTPUT))

    def run_jobs(self, *arguments: str, event: str = "test-workflow", timeout: float = 300) -> dict[str, Any]:
        """Submit jobs, wait for their verdicts and return the report of `--json`."""
        process = self.start("runtime.submit", "--event", event, *arguments, "--wait", "--json")
        return finish(process, timeout)

    def command(self, module: str, *arguments: str, timeout: float = COMMAND_TIMEOUT) -> dict[str, Any]:
        """Run another of the operator's commands and return what it reports as JSON."""
        return finish(self.start(module, *arguments, "--json"), timeout)

    def destroy(self) -> str:
        """Remove all that the stack has, and return what pulumi wrote."""
        self.pulumi("cancel", "--yes", check=False)  # a command that a test did not wait for
        return self.pulumi("destroy", "--yes", "--skip-preview", timeout=UP_TIMEOUT)

    def _run(self, line: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        return _run(line, group=self.group, **how)


def copy_project(folder: Path) -> None:
    """Copy the project's files as they are now, those that are not committed too."""
    listed = _run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=REPOSITORY).stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


def finish(process: subprocess.Popen[str], timeout: float) -> dict[str, Any]:
    """Wait for a command with `--json`; exit code 1 is a batch with failed jobs."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode in (0, 1), f"exit {process.returncode}:\n{out}\n{err}"
    report: dict[str, Any] = json.loads(out)
    return report


def _run(
    line: list[str],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    timeout: float = COMMAND_TIMEOUT,
    check: bool = True,
    group: int | None = None,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        line, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False, group=group
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
