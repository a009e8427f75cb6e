"""Fixtures that all kinds of tests share."""

import platform
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from testing.tools import missing, require, version_of
from toolchain import docker_engine
from toolchain.paths import REPOSITORY

DOCKER_DAEMON = REPOSITORY / "toolchain" / "docker-daemon"
DOCKER_DAEMON_TIMEOUT = 600

# A busy machine is no fault of an example.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# What a script runs in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def python_version(record_testsuite_property: Callable[[str, object], None]) -> None:
    """The results of the tests say what they ran with: docs/make/versions.py."""
    record_testsuite_property("python", platform.python_version())


@pytest.fixture(scope="session")
def docker_daemon(record_testsuite_property: Callable[[str, object], None]) -> Iterator[None]:
    """A docker engine that answers: the machine's own, or one that runs as long as the tests."""
    require("docker")
    was_started = docker_engine.started_pid() is not None
    start = subprocess.run(
        [DOCKER_DAEMON, "start"], check=False, timeout=DOCKER_DAEMON_TIMEOUT, capture_output=True, text=True
    )
    if start.returncode != 0:
        missing(start.stdout + start.stderr)
    record_testsuite_property("docker", version_of(["docker"]))
    yield
    if not was_started and docker_engine.started_pid() is not None:
        subprocess.run([DOCKER_DAEMON, "stop"], check=True, timeout=DOCKER_DAEMON_TIMEOUT)
