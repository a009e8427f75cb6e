"""Debian packages: installed only when the command they bring is missing, and only as root."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from toolchain.steps import Log, StepFailed

INSTALL_TIMEOUT = 900
LOCK_TIMEOUT = 300  # for another apt to end
QUERY_TIMEOUT = 60

# The package of a command differs between releases: the first one that the machine's release has is used.
Packages = Mapping[str, tuple[str, ...]]


def ensure(commands: Packages, log: Log) -> str:
    """Install the packages of those `commands` that are missing."""
    missing = [command for command in commands if shutil.which(command) is None]
    if not missing:
        return "all there"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        usual = " ".join(commands[command][-1] for command in missing)
        raise StepFailed(
            f"not on PATH: {', '.join(missing)}. On Debian or Ubuntu: sudo apt-get install {usual}"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Until this is done, apt refuses to install anything where an installation was cut short.
    with suppress(subprocess.CalledProcessError):
        log.run(["dpkg", "--configure", "-a"], timeout=INSTALL_TIMEOUT, env=environment)
    # One of the machine's sources may not answer. The installation shows whether the packages matter.
    with suppress(subprocess.CalledProcessError):
        log.run(["apt-get", "update"], timeout=INSTALL_TIMEOUT, env=environment)
    packages = [_first_available(commands[command]) for command in missing]
    log.run(
        [
            *("apt-get", "install", "--yes", "--no-install-recommends"),
            *("--option", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}"),
            *packages,
        ],
        timeout=INSTALL_TIMEOUT,
        env=environment,
    )
    return f"installed {' '.join(packages)}"


def _first_available(packages: tuple[str, ...]) -> str:
    for package in packages[:-1]:
        answer = subprocess.run(
            ["apt-cache", "show", package], check=False, timeout=QUERY_TIMEOUT, capture_output=True
        )
        if answer.returncode == 0:
            return package
    return packages[-1]
