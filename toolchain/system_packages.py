"""Debian packages: installed only when the command they bring is missing, and only as root."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from toolchain.steps import Log, StepFailed

INSTALL_TIMEOUT = 900
LOCK_TIMEOUT = 300  # another apt at work


def missing(commands: Mapping[str, str]) -> list[str]:
    """The packages, without repeats, of those commands that are not on PATH."""
    return list(dict.fromkeys(package for command, package in commands.items() if shutil.which(command) is None))


def ensure(commands: Mapping[str, str], log: Log) -> str:
    """Install the Debian packages that bring the missing ones of `commands` (command -> package)."""
    packages = missing(commands)
    if not packages:
        return "all there"
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        wanted = ", ".join(command for command in commands if shutil.which(command) is None)
        raise StepFailed(f"not on PATH: {wanted}. On Debian or Ubuntu: sudo {' '.join(install)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A source of the machine's own that does not answer is no reason to stop: whether the packages are there, install tells.
    with suppress(subprocess.CalledProcessError):
        log.run(["apt-get", "update"], timeout=INSTALL_TIMEOUT, env=environment)
    log.run([*install, "--option", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}"], timeout=INSTALL_TIMEOUT, env=environment)
    return f"installed {', '.join(packages)}"
