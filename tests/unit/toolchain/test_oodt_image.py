"""The image of OODT that is built where no stack has made one. Docker is a program that notes arguments."""

import os
from pathlib import Path

import pytest

from toolchain import oodt_image
from toolchain.versions import SUBSTITUTE_BASE_IMAGE

DOCKER = """#!/bin/sh
echo "$@" >>{calls}
case "$*" in
  "image inspect {there}") exit 0 ;;
  "image inspect"*) exit 1 ;;
esac
echo "Step 1"
exit {code}
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def docker(calls: Path, *, there: str, code: int = 0) -> None:
    program = calls.with_name("docker")
    program.write_text(DOCKER.format(calls=calls, there=there, code=code))
    program.chmod(0o755)


def test_it_is_built_from_the_base_image_that_is_there(
    calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    docker(calls, there=SUBSTITUTE_BASE_IMAGE)
    assert oodt_image.main() == 0
    assert capfd.readouterr() == ("oodt-try\n", "Step 1\n")
    assert f"--build-arg BASE={SUBSTITUTE_BASE_IMAGE} --tag oodt-try" in calls.read_text().splitlines()[-1]


def test_without_a_base_image_the_line_to_type_is_told(
    calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    docker(calls, there="none")
    assert oodt_image.main() == 1
    out, err = capfd.readouterr()
    assert (out, "make toolchain" in err) == ("", True)


def test_a_build_that_fails_prints_no_name(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    docker(calls, there=SUBSTITUTE_BASE_IMAGE, code=1)
    assert (oodt_image.main(), capfd.readouterr().out) == (1, "")
