"""Runs a module in the status service's container, by ssh: it has the share, the broker, the catalogue."""

import shlex
import subprocess
from collections.abc import Sequence

from runtime import names
from runtime.cli import ssh, stack
from runtime.cli.results import NoBroker

# ssh's own exit code if it does not get through. Otherwise it is that of the command there.
SSH_FAILED = 255
# On the node that the operator logs in to.
CONTAINER = names.container_of(names.STATUS_SERVICE)


def login() -> list[str]:
    """The ssh command to the manager; raises NoAnswer."""
    return shlex.split(stack.output(names.SSH_OUTPUT, variable=names.OODT_ARCHIVE))


def line(
    module: str, arguments: Sequence[str], *, login: Sequence[str], interactive: bool = False
) -> list[str]:
    """The command line that runs MODULE there; with INTERACTIVE it reads standard input."""
    docker = ["docker", "exec", *(["--interactive"] if interactive else [])]
    python = ["python", "-m", module, *arguments]
    command = f"{shlex.join(docker)} {CONTAINER} {shlex.join(python)}"
    return [login[0], *ssh.limits(stack.stretched(1)), *login[1:], command]


def refusal(login: Sequence[str]) -> NoBroker:
    """The error when ssh does not get through."""
    return NoBroker(f"the manager lets nobody in; try: {shlex.join(login)}")


def not_installed(line: Sequence[str], error: OSError) -> NoBroker:
    """The error when there is no ssh on this machine."""
    return NoBroker(f"{line[0]} cannot be run: {error}: install it")


def run(module: str, arguments: Sequence[str]) -> int:
    """Run MODULE there, which shows what it does; returns its exit code. Raises NoAnswer, NoBroker."""
    manager = login()
    command = line(module, arguments, login=manager)
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise not_installed(command, error) from error
    if code == SSH_FAILED:
        raise refusal(manager)
    return code
