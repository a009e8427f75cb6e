"""The project's own images, built for tests."""

import subprocess

from testing.tools import missing
from toolchain.paths import REPOSITORY
from toolchain.versions import BASE_IMAGE, BASE_IMAGES, SUBSTITUTE_BASE_IMAGE

BUILD_SECONDS = 900
QUERY_SECONDS = 20


def build(name: str, *, stage: str | None = None) -> str:
    """Build images/NAME, or one stage of it, and return the image's tag."""
    tag = f"oodt-test-{name}" if stage is None else f"oodt-test-{name}-{stage}"
    arguments = ["--build-arg", f"BASE={base()}", "--tag", tag, "--file", f"images/{name}/Dockerfile"]
    if stage is not None:
        arguments += ["--target", stage]
    subprocess.run(
        ["docker", "build", "--quiet", *arguments, "."],
        cwd=REPOSITORY,
        check=True,
        timeout=BUILD_SECONDS,
    )
    return tag


def base() -> str:
    """The image that all Dockerfiles begin with."""
    found = next((image for image in BASE_IMAGES if is_there(image)), None)
    return found or missing(
        f"neither {BASE_IMAGE} nor {SUBSTITUTE_BASE_IMAGE} is on this machine; `make toolchain` gets one"
    )


def is_there(image: str) -> bool:
    found = subprocess.run(
        ["docker", "image", "inspect", image], check=False, capture_output=True, timeout=QUERY_SECONDS
    )
    return found.returncode == 0
