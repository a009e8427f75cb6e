"""The container of `oodt try`: it gets one job on standard input, tells what became of it, and is removed.

It needs nothing of the machine but docker, which may be far away: the workflow goes in and the archive comes
out by the same connection. If this process dies, the container's input ends, and so does the container.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from runtime.cli.result_folder import draft_beside, draft_of
from runtime.cli.results import BadInput, NoBroker, SomeFailed
from runtime.cli.terminal import tell
from runtime.messaging.excerpt import excerpt

REMOVAL_SECONDS = 60
# For the start of the container, and for the end of a run whose time is over.
MARGIN_SECONDS = 60
# What `docker run` exits with if it is docker that failed.
DOCKER_FAILED = 125
LOG_BYTES = 16 * 1024
BLOCK_BYTES = 64 * 1024

Outcome = dict[str, Any]


class Container:
    """A container that has begun. ``outcome`` and then ``archive`` read what it says, once each."""

    def __init__(self, docker: "subprocess.Popen[bytes]", image: str, log: IO[bytes]) -> None:
        assert docker.stdout and docker.stdin
        self._docker = docker
        self._image = image
        self._log = log
        self._input = docker.stdin.fileno()
        self._output = io.BufferedReader(docker.stdout)  # type: ignore[type-var]

    def give(self, job: Mapping[str, Any], workflow: bytes) -> None:
        content = memoryview(json.dumps(job).encode() + b"\n" + workflow)
        # A container that has ended takes nothing. Why, it has said.
        with contextlib.suppress(BrokenPipeError):
            while content:
                content = content[os.write(self._input, content) :]

    def outcome(self) -> Outcome:
        """What became of the job; raises BadInput, NoBroker if docker does not run the container."""
        for line in self._output:
            said = json.loads(line)
            if "outcome" in said:
                outcome: Outcome = said["outcome"]
                return outcome
            if "failed" in said:
                return self._failed(said["failed"])
            tell("the services answer, the job runs")
        code = self._docker.wait()
        if code == DOCKER_FAILED:
            self._docker_failed()
        return self._failed(f"the container has ended with exit code {code}")

    def archive(self, to: Path) -> None:
        """Write the container's archive into a folder; raises SomeFailed."""
        try:
            to.mkdir(parents=True, exist_ok=True)
            with tarfile.open(fileobj=self._output, mode="r|") as tar:
                for member in tar:
                    _extract(tar, member, to)
        except (OSError, tarfile.TarError) as error:
            raise SomeFailed(f"the products did not all arrive in {to}: {error}") from error
        # An archive that ends between two files is a whole one to tarfile.
        if code := self.end():
            raise SomeFailed(
                f"the products did not all arrive in {to}: the container has ended with exit code {code}"
            )

    def end(self) -> int:
        """Return the container's exit code, when docker has removed it after its last word."""
        while self._output.read(BLOCK_BYTES):
            pass
        return self._docker.wait()

    def _failed(self, reason: str) -> Outcome:
        """The outcome of a job that could not run: its log is the services'."""
        log = excerpt(self._said())
        return {"succeeded": False, "timed_out": False, "reason": reason, "log": log, "products": []}

    def _docker_failed(self) -> None:
        said = self._said().strip()
        if "No such image" in said:
            raise BadInput(f"--image is {self._image!r}: docker has no such image; try: docker image ls")
        raise NoBroker(f"docker does not run the container ({said}); try: docker info")

    def _said(self) -> str:
        """The end of what the container has written to standard error."""
        self._log.seek(max(0, self._log.seek(0, io.SEEK_END) - LOG_BYTES))
        return self._log.read().decode(errors="replace")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    """Write a folder or a file, which belong to this user. A file has its name once it is whole.

    tarfile's own filter is too new for Debian 12.
    """
    inner = PurePosixPath(member.name)
    if inner.is_absolute() or ".." in inner.parts:
        raise tarfile.TarError(f"{member.name} would be outside of the folder")
    if member.isdir():
        (to / inner).mkdir(parents=True, exist_ok=True)
    elif content := tar.extractfile(member) if member.isfile() else None:
        path = os.fsencode(to / inner)
        with draft_beside(path) as draft:
            shutil.copyfileobj(content, draft)
            draft.flush()
            os.fsync(draft.fileno())
            os.replace(draft_of(path), path)
    else:
        tell(f"{member.name} in the archive is no file: it stays behind")


@contextlib.contextmanager
def container(name: str, image: str, *, seconds: float) -> Iterator[Container]:
    """A container of this image, for SECONDS and a margin at most. It is gone after the block."""
    line = ["docker", "run", "--rm", "--interactive", "--pull", "never", "--log-driver", "none"]
    with contextlib.ExitStack() as held:
        log = held.enter_context(tempfile.TemporaryFile())
        try:
            # Ctrl-C is for this process, which then removes the container.
            docker = subprocess.Popen(
                [*line, "--name", name, image, "try"],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise NoBroker("there is no docker on PATH: install it") from None
        held.callback(_remove, name, docker)
        watchdog = threading.Timer(seconds + MARGIN_SECONDS, docker.kill)
        watchdog.daemon = True
        watchdog.start()
        held.callback(watchdog.cancel)
        started = Container(docker, image, log)
        yield started
        started.end()


def _remove(name: str, docker: "subprocess.Popen[bytes]") -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C is no reason to leave it behind
    try:
        assert docker.stdin and docker.stdout
        docker.stdin.close()
        if docker.poll() is None:
            remove = ["docker", "rm", "--force", "--volumes", name]
            subprocess.run(
                remove, capture_output=True, timeout=REMOVAL_SECONDS, check=False, start_new_session=True
            )
        docker.stdout.close()
        docker.wait(REMOVAL_SECONDS)
    except subprocess.TimeoutExpired:
        docker.kill()
        tell(f"docker has not removed the container in {REMOVAL_SECONDS} s: docker rm --force {name}")
    finally:
        signal.signal(signal.SIGINT, before)
