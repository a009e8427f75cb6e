"""The stack `dev` of this project, by the commands of the Pulumi CLI that a person would use."""

import json
import os
import subprocess

from toolchain import environment
from toolchain.paths import REPOSITORY, STATE

NAME = "dev"
QUERY_TIMEOUT = 60
LOCKS = STATE / ".pulumi" / "locks" / "organization"


def activate() -> None:
    """Give this process and its children the environment of `source ./activate`."""
    wanted = environment.variables()
    environment.prepare(wanted)
    os.environ.update(wanted)


def exists() -> bool:
    answer = subprocess.run(
        ["pulumi", "stack", "ls", "--json"],
        check=True,
        timeout=QUERY_TIMEOUT,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    # A backend with organisations answers ORGANISATION/STACK.
    return any(stack["name"].split("/")[-1] == NAME for stack in json.loads(answer.stdout))


def output(name: str) -> str:
    answer = subprocess.run(
        ["pulumi", "stack", "output", "--stack", NAME, name],
        check=True,
        timeout=QUERY_TIMEOUT,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    return answer.stdout.strip()


def release_dead_locks() -> None:
    """Remove the locks of Pulumi processes that were killed; nothing else does."""
    for lock in LOCKS.glob(f"*/{NAME}/*.json"):
        holder = json.loads(lock.read_text())
        if holder["hostname"] == os.uname().nodename and not _runs(holder["pid"]):
            lock.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
