"""An image read from the user's docker: as a stream, or copied to another docker."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from infra import patience, ssh

BLOCK = 1024 * 1024  # bytes
COPY_TIMEOUT = 600  # seconds to copy an image of some 100 MB


class ImageCopyError(RuntimeError):
    """An image could not be copied from one docker to another; the message says why."""


class _TurnedAwayError(ImageCopyError):
    """Nothing was copied, since sshd had no time for it."""


@contextmanager
def saved(image: str, *, timeout: float) -> Iterator[IO[bytes]]:
    """The output of `docker save`, to be read within ``timeout`` seconds of a usual machine.

    Raises ImageCopyError when docker fails or is too slow, even if that makes the reader fail first.
    """
    line = ["docker", "save", image]
    limit = patience.stretched(timeout)
    with TemporaryFile() as said, subprocess.Popen(line, stdout=subprocess.PIPE, stderr=said) as save:
        assert save.stdout
        watchdog = threading.Timer(limit, save.kill)
        watchdog.start()
        failure: Exception | None = None
        try:
            yield save.stdout
        except Exception as problem:
            failure = problem
        try:
            if failure and save.stdout.read(1):  # docker had more to write: the failure is the reader's own
                save.kill()
                raise failure
            while save.stdout.read(BLOCK):
                pass  # the padding at the archive's end
            if save.wait():
                said.seek(0)
                reason = said.read().decode(errors="replace").strip() or f"not done within {limit:g} s"
                raise ImageCopyError(f"docker save {image}: {reason}")
            if failure:
                raise failure
        finally:
            watchdog.cancel()


def copy(image: str, docker: Sequence[str]) -> str:
    """Copy an image to the docker that the command ``docker`` talks to, and return its name there.

    Raises ImageCopyError.
    """
    deadline = time.monotonic() + patience.stretched(COPY_TIMEOUT)
    while True:
        try:
            return _copy(image, docker)
        except _TurnedAwayError:
            if time.monotonic() + ssh.TURNED_AWAY_PAUSE > deadline:
                raise
        time.sleep(ssh.TURNED_AWAY_PAUSE)


def _copy(image: str, docker: Sequence[str]) -> str:
    limit = patience.stretched(COPY_TIMEOUT)
    with saved(image, timeout=COPY_TIMEOUT) as stream:
        try:
            load = subprocess.run(
                [*docker, "load", "-q"], stdin=stream, capture_output=True, timeout=limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise ImageCopyError(f"docker load of {image}: not done within {limit:g} s") from None
        if load.returncode:
            reason = load.stderr.decode(errors="replace").strip()
            kind = _TurnedAwayError if ssh.turned_away(reason) else ImageCopyError
            raise kind(f"docker load of {image}: {reason}")
    # "Loaded image: NAME", or for an image that was saved by its id "Loaded image ID: sha256:..."
    return load.stdout.decode().strip().partition(": ")[2]
