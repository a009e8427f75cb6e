"""The project's own images, built for tests."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from testing.tools import missing
from toolchain import base_image
from toolchain.paths import REPOSITORY, TOOLCHAIN
from toolchain.versions import BASE_IMAGE, SUBSTITUTE_BASE_IMAGE

BUILD_SECONDS = 900


def build(name: str, *, stage: str | None = None) -> str:
    """Build images/NAME, or one stage of it, and return the image's tag."""
    tag = f"oodt-test-{name}" if stage is None else f"oodt-test-{name}-{stage}"
    target = [] if stage is None else ["--target", stage]
    with _alone(name):
        build_file(tag, f"images/{name}/Dockerfile", *target, BASE=base())
    return tag


def build_file(tag: str, dockerfile: str, *options: str, context: str = ".", **arguments: str) -> None:
    """Build any Dockerfile; it and the context are paths in the repository."""
    pairs = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    line = ["docker", "build", "--quiet", *pairs, *options, "--tag", tag, "--file", dockerfile, context]
    subprocess.run(line, cwd=REPOSITORY, check=True, timeout=BUILD_SECONDS, stdout=subprocess.DEVNULL)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Another process that wants the image waits, and then finds it in docker's cache."""
    with (TOOLCHAIN / f"image-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base() -> str:
    """The image that all Dockerfiles begin with; OODT_TEST_BASE names another, with other versions in it."""
    return (
        os.environ.get("OODT_TEST_BASE")
        or base_image.found()
        or missing(
            f"neither {BASE_IMAGE} nor {SUBSTITUTE_BASE_IMAGE} is on this machine; `make toolchain` gets one"
        )
    )
