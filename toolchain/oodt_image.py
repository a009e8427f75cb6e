"""Builds the image of OODT as Pulumi does on target local, for `oodt try` on a machine without a stack.

As a program: `python -m toolchain.oodt_image`, which prints the image's name.
"""

import subprocess
import sys

from toolchain import base_image
from toolchain.paths import REPOSITORY

NAME = "oodt-try"
BUILD_TIMEOUT = 1500


def main() -> int:
    base = base_image.found()
    if base is None:
        print("there is no base image: get one with: make toolchain", file=sys.stderr)
        return 1
    line = ["docker", "build", "--file", "images/oodt/Dockerfile", "--build-arg", f"BASE={base}"]
    # The build's own words are for the person who waits; the name is for the program that asked.
    code = subprocess.run(
        [*line, "--tag", NAME, "."], cwd=REPOSITORY, timeout=BUILD_TIMEOUT, stdout=sys.stderr, check=False
    ).returncode
    if code == 0:
        print(NAME)
    return code


if __name__ == "__main__":
    sys.exit(main())
