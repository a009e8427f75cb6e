"""Runs a command in the status service's container, by ssh: it has the share, the broker, the catalogue."""

import shlex
import subprocess
from collections.abc import Sequence

from runtime import names
from runtime.cli import stack
from runtime.cli.results import NoBroker

# ssh's own exit code if it does not get through. Otherwise it is that of the command there.
SSH_FAILED = 255
# The container of the status service, on the node that the operator logs in to.
IN_CONTAINER = (
    f"docker exec $(docker ps --quiet --filter label=com.docker.swarm.service.name={names.STATUS_SERVICE}"
    " | head -n 1) python -m runtime."
)


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the same command there, which shows what it did; returns its exit code. Raises NoBroker."""
    login = shlex.split(stack.output(names.SSH_OUTPUT, variable=names.OODT_ARCHIVE))
    line = [*login, f"{IN_CONTAINER}{command} {shlex.join(arguments)}"]
    try:
        code = subprocess.run(line, check=False).returncode
    except OSError as error:
        raise NoBroker(f"{login[0]} cannot be run: {error}: install it") from error
    if code == SSH_FAILED:
        raise NoBroker(f"the manager lets nobody in; try: {shlex.join(login)}")
    return code
