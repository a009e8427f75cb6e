"""The image in which `oodt try` runs a job: that of a stack of this machine, or one that is built for it."""

import subprocess
import sys
from pathlib import Path

from runtime.cli.results import BadInput, NoBroker
from runtime.cli.terminal import tell

LOOK_SECONDS = 30
BUILD_SECONDS = 1800
# Pulumi names the images that it builds on this machine PROJECT-STACK-oodt. Older ones lack the label.
OF_A_STACK = ("--filter", "reference=oodt-*-oodt:latest", "--filter", "label=oodt.roles")
REPOSITORY = Path(__file__).parents[2]


def image() -> str:
    """The newest image of a stack, else one that is built now; raises BadInput, NoBroker."""
    line = ["docker", "image", "ls", *OF_A_STACK, "--format", "{{.Repository}}:{{.Tag}}"]
    if found := _printed(line, LOOK_SECONDS).split():
        return found[0]
    if not (REPOSITORY / "images" / "oodt" / "Dockerfile").is_file():
        raise BadInput(
            "docker has no image of a stack here: name one with --image, or make one where the project's "
            "files are: pulumi up, on target local"
        )
    tell("no stack has made an image here: building one, which takes some minutes the first time")
    return _built()


def _built() -> str:
    line = [sys.executable, "-m", "toolchain.oodt_image"]
    try:
        done = subprocess.run(
            line, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"the image was not built within {BUILD_SECONDS} s: see why: make toolchain") from None
    if done.returncode:
        raise BadInput("the image cannot be built, see above: mend that, or name one with --image")
    return done.stdout.strip()


def _printed(line: list[str], seconds: float) -> str:
    """What docker prints; raises NoBroker."""
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        raise NoBroker("there is no docker on PATH: install it, as root: make toolchain") from None
    except subprocess.TimeoutExpired:
        raise NoBroker(f"docker did not answer within {seconds} s; try: docker info") from None
    if done.returncode:
        raise NoBroker(f"docker does not answer ({done.stderr.strip()}); try: docker info")
    return done.stdout
