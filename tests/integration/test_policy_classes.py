"""The classes that the check of a workflow knows are those that the image has."""

from pathlib import Path

from testing.oodt import HOME, docker
from testing.policy_classes import lines
from toolchain.paths import REPOSITORY


def test_the_check_knows_the_classes_of_the_image(oodt_image: str, tmp_path: Path) -> None:
    container = docker("create", oodt_image, "wmgr").stdout.strip()
    try:
        docker("cp", f"{container}:{HOME}", str(tmp_path))
    finally:
        docker("rm", container)
    known = (REPOSITORY / "runtime" / "policy" / "classes.txt").read_text().splitlines()
    assert lines(tmp_path / "oodt") == known
