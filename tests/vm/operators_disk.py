"""The disk of an operator's machine: the project, its tools, and a docker that has built its images.

An emulated processor would build them for hours. So they are built here, by a docker of the version that the
machine has, in a folder that becomes a part of the disk: there `pulumi up` finds them in docker's cache.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing import images
from testing.cluster import copy_project
from testing.node_options import node_options
from testing.waiting import until
from tests.e2e.conftest import IMAGES
from tests.vm.room import run
from toolchain import pulumi_cli
from toolchain.paths import REPOSITORY, TOOLCHAIN

FOLDER = TOOLCHAIN / "operators-disk"
CONTENT = FOLDER / "content"
DOCKER = CONTENT / "docker"  # it stays from run to run, as docker's cache
PROJECT = CONTENT / "oodt"
PRINT_VERSION = "import sys; print(*sys.version_info[:2], sep='.')"
SOCKETS = FOLDER / "sockets"
DISK = FOLDER / "disk.img"
LABEL = "operator"
SIZE = "40G"  # a file with holes
CONTAINER = "oodt-test-operators-disk"
START_TIMEOUT = 60  # seconds
INSTALL_TIMEOUT = 600
COPY_TIMEOUT = 300


def make() -> Path:
    """Write the disk: an ext4 file system with the folders `docker` and `oodt`."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = images.build("node")  # Debian as the machine has it, with its docker and Python
        _build_images(node)
        shutil.rmtree(PROJECT, ignore_errors=True)
        copy_project(PROJECT)
        _copy_pulumi()
        _install_packages(node)
        draft = DISK.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        run("mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-d", CONTENT, draft, SIZE, timeout=COPY_TIMEOUT)
        return draft.rename(DISK)  # a machine that runs goes on with the old one


def _build_images(node: str) -> None:
    base = images.base()
    with _engine(node) as address, pytest.MonkeyPatch.context() as patch:
        if not run("docker", "--host", address, "images", "--quiet", base):
            with subprocess.Popen(["docker", "save", base], stdout=subprocess.PIPE) as saved:
                load = ["docker", "--host", address, "load", "--quiet"]
                subprocess.run(load, stdin=saved.stdout, check=True, timeout=COPY_TIMEOUT)
        patch.setenv("DOCKER_HOST", address)
        # BuildKit has a cache of its own, which the project's plugin does not use.
        patch.setenv("DOCKER_BUILDKIT", "0")
        for name in IMAGES:
            images.build(name)


@contextmanager
def _engine(node: str) -> Iterator[str]:
    """The address of a docker whose images and cache are in DOCKER."""
    for folder in (DOCKER, SOCKETS):
        folder.mkdir(parents=True, exist_ok=True)
    address = f"unix://{SOCKETS}/docker.sock"
    run("docker", "rm", "-f", CONTAINER, check=False)  # of a run that was interrupted
    run(
        *("docker", "run", "-d", "--init", "--name", CONTAINER, *node_options()),
        *("-v", f"{DOCKER}:/var/lib/docker", "-v", f"{SOCKETS}:/sockets", "--entrypoint", "dockerd"),
        *(node, "--log-level", "warn", "--host", "unix:///sockets/docker.sock"),
    )
    try:
        until(
            lambda: run(
                "docker", "--host", address, "version", "-f", "{{.Server.Version}}", check=False
            ).strip(),
            seconds=START_TIMEOUT,
            what="docker for the operator's disk",
        )
        yield address
    finally:
        run("docker", "stop", "--time", "30", CONTAINER)
        run("docker", "rm", "-f", CONTAINER)


def _copy_pulumi() -> None:
    folder = PROJECT / ".toolchain" / "bin"
    folder.mkdir(parents=True)
    for program in pulumi_cli.executable().resolve().parent.glob("pulumi*"):
        shutil.copy(program, folder)


def _install_packages(node: str) -> None:
    """Fill `.venv` with packages for the machine's Python, which makes the rest of it."""
    version = run("docker", "run", "--rm", "--entrypoint", "python3", node, "-c", PRINT_VERSION).strip()
    packages = PROJECT / ".venv" / "lib" / f"python{version}" / "site-packages"
    run(
        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-compile"),
        *("--target", packages, "--python-version", version, "--only-binary", ":all:"),
        *("--requirement", REPOSITORY / "requirements.txt"),
        timeout=INSTALL_TIMEOUT,
    )
