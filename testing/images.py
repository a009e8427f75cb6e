"""The project's own images, built for tests."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from testing.tools import missing
from toolchain import base_image
from toolchain.paths import LOGS, REPOSITORY, TOOLCHAIN
from toolchain.steps import Log, StepFailed
from toolchain.versions import BASE_IMAGE, SUBSTITUTE_BASE_IMAGE

BUILD_SECONDS = 7200  # of an image for a processor that is emulated
ANOTHER = "OODT_TEST_BASE"


def build(name: str, *, stage: str | None = None, of: str | None = None) -> str:
    """Build images/NAME, or one stage of it, and return its tag; OF is another image for it to begin with."""
    of = of or os.environ.get(ANOTHER)
    whole = "-".join(filter(None, ("oodt-test", name, of and of.replace(":", "-"))))
    tag, target = (whole, []) if stage is None else (f"{whole}-{stage}", ["--target", stage])
    with _alone(whole):
        build_file(tag, f"images/{name}/Dockerfile", *target, BASE=of or base())
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
        os.environ.get(ANOTHER)
        or base_image.found()
        or missing(
            f"neither {BASE_IMAGE} nor {SUBSTITUTE_BASE_IMAGE} is on this machine; `make toolchain` gets one"
        )
    )


def debian(suite: str) -> str:
    """The image of a release of Debian, pulled or made if it is not there."""
    log_file = LOGS / f"base-image-{suite}.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    with _alone(f"base-{suite}"), log_file.open("wb") as file:
        try:
            base_image.ensure(Log(path=log_file, file=file), suite)
        except (StepFailed, subprocess.SubprocessError) as problem:
            missing(f"Debian {suite} can be neither pulled nor made: {problem}; the whole log: {log_file}")
    image = base_image.found(suite)
    assert image is not None
    return image
