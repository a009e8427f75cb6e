"""The process of a container that tries one job: the services, the job, and what the operator gets of it.

The entrypoint starts it as root. Standard output is for the operator's command: lines of JSON, then the
archive as a tar. All logs go to standard error. When standard input ends, the operator's command is gone, and
the container ends too.
"""

import asyncio
import contextlib
import json
import os
import pwd
import sys
import tarfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from runtime import names

GROUP = "oodt"
JOB_FILE = f"{names.RUN_DIR}/{names.TRIED_JOB_FILE}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A process of the container. The File Manager's entrypoint changes the user itself."""

    name: str
    command: Sequence[str]
    user: str


SERVICES = (
    Part(name="File Manager", command=("oodt-entrypoint", "filemgr"), user="root"),
    Part(name="Workflow Manager", command=("/usr/local/libexec/oodt/run-wmgr",), user="oodt"),
    Part(name="gateway", command=("python", "-m", "runtime.gateway"), user="runtime"),
)
ATTEMPT = Part(name="attempt", command=("python", "-m", "runtime.attempt"), user="runtime")


async def main() -> None:
    """Return when the operator has everything, or is gone."""
    gone: asyncio.Task[Any] = asyncio.create_task(_end_of_input())
    parts = {asyncio.create_task((await _start(part)).wait()): part for part in SERVICES}
    with open(JOB_FILE, "rb") as job:
        attempt = asyncio.create_task((await _start(ATTEMPT, stdin=job, stdout=sys.stdout)).wait())
    done, _ = await asyncio.wait({gone, attempt, *parts}, return_when=asyncio.FIRST_COMPLETED)
    if gone in done:
        return
    if attempt in done and attempt.result() == 0:
        await asyncio.to_thread(_send_archive)
        return
    first = done.pop()
    ended = parts.get(first, ATTEMPT)
    print(json.dumps({"failed": f"the {ended.name} has ended with exit code {first.result()}"}), flush=True)


async def _start(part: Part, *, stdin: IO[bytes] | int = DEVNULL, stdout: IO[str] = sys.stderr) -> Process:
    home = pwd.getpwnam(part.user).pw_dir
    return await asyncio.create_subprocess_exec(
        *part.command,
        stdin=stdin,
        stdout=stdout,
        user=part.user,
        group=GROUP,
        extra_groups=[],
        umask=0o002,
        env={**os.environ, "HOME": home, "USER": part.user},
    )


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await reader.read()


def _send_archive() -> None:
    with contextlib.suppress(BrokenPipeError):
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
            archive.add(os.environ[names.OODT_ARCHIVE], ".")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
    # What still runs here ends with this process, the first of the container.
    os._exit(0)
