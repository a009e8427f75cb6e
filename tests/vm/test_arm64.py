"""The project's images for arm64, on a processor that QEMU emulates; one story, in this order."""

import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest

from testing import images
from tests.vm import arm64
from tests.vm.conftest import Timed
from tests.vm.room import run
from toolchain.paths import REPOSITORY
from toolchain.run_tests import RESULTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(14400),
    pytest.mark.skipif(platform.machine() == "aarch64", reason="this machine is arm64: all tests run on it"),
]

JOBS = "tests/integration/test_images_jobs.py::test_messages_become_products"
JOBS_TIMEOUT = 7200  # seconds


@pytest.fixture(scope="module", autouse=True)
def base(docker_daemon: None) -> Iterator[None]:
    """All images begin with Debian for arm64."""
    with arm64.base() as image, pytest.MonkeyPatch.context() as patch:
        patch.setenv(images.ANOTHER, image)
        yield


@pytest.mark.parametrize("name", ["registry", "rabbitmq", "node", "prometheus", "oodt"])
def test_an_image_is_built_and_its_programs_are_for_arm64(name: str, timed: Timed) -> None:
    with timed(name):
        image = images.build(name)
    program = ("busybox", "uname") if name == "registry" else ("uname",)
    printed = run("docker", "run", "--rm", "--entrypoint", program[0], image, *program[1:], "-m")
    assert printed.strip() == "aarch64"


def test_jobs_run_in_them(timed: Timed) -> None:
    results = RESULTS / "arm64.xml"
    line = [sys.executable, "-m", "pytest", "-rA", f"--junitxml={results}", JOBS]
    with timed("jobs"):
        done = subprocess.run(
            line, cwd=REPOSITORY, capture_output=True, text=True, timeout=JOBS_TIMEOUT, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 1 passed" in done.stdout
    assert '<property name="processor" value="aarch64" />' in results.read_text()
