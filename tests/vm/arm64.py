"""Debian for arm64, whose programs QEMU runs where the processor is of another kind."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testing.tools import missing
from toolchain import system_packages
from toolchain.base_image import is_there, mmdebstrap
from toolchain.paths import LOGS
from toolchain.steps import Log, StepFailed
from toolchain.versions import BASE_SUITE

IMAGE = f"oodt-base:{BASE_SUITE}-arm64"
LOG = LOGS / "base-image-arm64.log"
COMMANDS = {
    "mmdebstrap": ("mmdebstrap",),
    "update-binfmts": ("binfmt-support",),
    "qemu-aarch64-static": ("qemu-user-static",),
}
FORMATS = Path("/proc/sys/fs/binfmt_misc")
FORMAT = "qemu-aarch64"
COMMAND_TIMEOUT = 60  # seconds


@contextmanager
def base() -> Iterator[str]:
    """The image that all Dockerfiles begin with, for arm64. It is made once.

    The kernel runs programs for arm64 as long as the context lasts.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as file:
        log = Log(path=LOG, file=file)
        try:
            system_packages.ensure(COMMANDS, log)
            with _emulation(log):
                if not is_there(IMAGE):
                    mmdebstrap.make(IMAGE, BASE_SUITE, log, architecture="arm64")
                yield IMAGE
        except (StepFailed, subprocess.SubprocessError) as problem:
            missing(f"no arm64: {problem}; the whole log: {LOG}")


@contextmanager
def _emulation(log: Log) -> Iterator[None]:
    if (FORMATS / FORMAT).exists():
        yield
        return
    if not FORMATS.joinpath("register").exists():
        log.run(["mount", "-t", "binfmt_misc", "binfmt_misc", FORMATS], timeout=COMMAND_TIMEOUT)
    log.run(["update-binfmts", "--enable", FORMAT], timeout=COMMAND_TIMEOUT)
    yield
    log.run(["update-binfmts", "--disable", FORMAT], timeout=COMMAND_TIMEOUT)
