"""The tests of the project's Java classes, in JUnit."""

import subprocess

from testing import images

SECONDS = 300


def test_the_java_classes_pass_their_tests(docker_daemon: None) -> None:
    image = images.build("oodt", stage="tests")
    done = subprocess.run(
        ["docker", "run", "--rm", image], check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "OK (" in done.stdout
