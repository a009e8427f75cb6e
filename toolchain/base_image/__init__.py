"""The base of every Dockerfile: Debian's slim image, or one like it where no registry answers."""

import subprocess

from toolchain import system_packages
from toolchain.base_image import mmdebstrap
from toolchain.steps import Log
from toolchain.versions import BASE_SUITE, base_images

QUERY_TIMEOUT = 20
PULL_TIMEOUT = 90


def ensure(log: Log, suite: str = BASE_SUITE) -> str:
    if image := found(suite):
        return f"{image} is there"
    debian, substitute = base_images(suite)
    try:
        log.run(["docker", "pull", debian], timeout=PULL_TIMEOUT)
    except subprocess.SubprocessError as error:
        log.note(f"{debian} cannot be pulled: {error}")
    else:
        return f"{debian} pulled"
    system_packages.ensure({"mmdebstrap": ("mmdebstrap",)}, log)
    mmdebstrap.make(substitute, suite, log)
    return f"{substitute} made with mmdebstrap"


def found(suite: str = BASE_SUITE) -> str | None:
    """The base image that the docker engine has, the preferred one if it has both."""
    return next((image for image in base_images(suite) if is_there(image)), None)


def is_there(image: str) -> bool:
    answer = subprocess.run(
        ["docker", "image", "inspect", image], check=False, timeout=QUERY_TIMEOUT, capture_output=True
    )
    return answer.returncode == 0
