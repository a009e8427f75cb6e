"""The base of every Dockerfile: Debian's slim image, or one like it where no registry answers."""

import subprocess

from toolchain import system_packages
from toolchain.base_image import mmdebstrap
from toolchain.steps import Log
from toolchain.versions import BASE_IMAGE, BASE_IMAGES, BASE_SUITE, SUBSTITUTE_BASE_IMAGE

QUERY_TIMEOUT = 20
PULL_TIMEOUT = 90


def ensure(log: Log) -> str:
    if image := found():
        return f"{image} is there"
    try:
        log.run(["docker", "pull", BASE_IMAGE], timeout=PULL_TIMEOUT)
    except subprocess.SubprocessError as error:
        log.note(f"{BASE_IMAGE} cannot be pulled: {error}")
    else:
        return f"{BASE_IMAGE} pulled"
    system_packages.ensure({"mmdebstrap": ("mmdebstrap",)}, log)
    mmdebstrap.make(SUBSTITUTE_BASE_IMAGE, BASE_SUITE, log)
    return f"{SUBSTITUTE_BASE_IMAGE} made with mmdebstrap"


def found() -> str | None:
    """The base image that the docker engine has, the preferred one if it has both."""
    return next((image for image in BASE_IMAGES if _is_there(image)), None)


def _is_there(image: str) -> bool:
    answer = subprocess.run(
        ["docker", "image", "inspect", image], check=False, timeout=QUERY_TIMEOUT, capture_output=True
    )
    return answer.returncode == 0
