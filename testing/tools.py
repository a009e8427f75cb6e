"""What a test needs of the machine: a missing tool skips on a laptop and fails under CI=true."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NoReturn

import pytest


def require(tool: str) -> str:
    """The path of a program that the test runs."""
    return shutil.which(tool) or missing(f"{tool} is not on PATH; `make toolchain` gets it")


def version_of(docker: Sequence[str]) -> str:
    """The version of the engine that a docker command talks to."""
    line = [*docker, "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def missing(what: str) -> NoReturn:
    """Skip the test because the machine lacks something; under CI=true fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
