"""The stack `dev` of this project, by the commands of the Pulumi CLI that a person would use."""

import json
import os
import subprocess
import time
from pathlib import Path

from toolchain import environment
from toolchain.paths import REPOSITORY, STATE

NAME = "dev"
QUERY_TIMEOUT = 60
WRITING_SECONDS = 5  # far more than a lock needs to be written
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
    for lock in LOCKS.glob(f"*/{NAME}/*"):
        if _is_dead(lock):
            lock.unlink(missing_ok=True)


def _is_dead(lock: Path) -> bool:
    try:
        holder = json.loads(lock.read_text())
    except FileNotFoundError:
        return False
    except ValueError:  # Pulumi takes it for a lock too, and then says `unexpected end of JSON input`
        return time.time() - lock.stat().st_mtime > WRITING_SECONDS
    return holder.get("hostname") == os.uname().nodename and not _is_pulumi(holder["pid"])


def _is_pulumi(pid: int) -> bool:
    """Whether a Pulumi runs under this number; another program may have got it since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:  # not on Linux
        return True
