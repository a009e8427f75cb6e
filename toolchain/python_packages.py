"""The project's own Python environment, `.venv`, with the packages pinned in requirements-dev.txt.

A stamp in it names the pins, the folder and the Python that it was filled for, and is there only while it
is whole. pip cannot tell: it takes an interrupted installation for a whole one, its own too. Where the stamp
does not fit, `.venv` is made anew: venv keeps an older Python's links beside the new settings, and programs
keep the path of the folder that they were made in.
"""

import hashlib
import os
import sys
from pathlib import Path

from toolchain import whole_files
from toolchain.paths import REPOSITORY, VENV
from toolchain.steps import Log

PINS = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
CREATE_TIMEOUT = 120
INSTALL_TIMEOUT = 900


def ensure(log: Log) -> str:
    """Install what the pins say into `.venv`, unless that was done for this folder and this Python."""
    wanted = _digest()
    if is_whole() and _stamp().read_text() == wanted:
        return "up to date"
    _stamp().unlink(missing_ok=True)
    log.run([sys.executable, "-m", "venv", "--clear", VENV], timeout=CREATE_TIMEOUT)
    log.run(
        [
            VENV / "bin" / "pip",
            "install",
            "--disable-pip-version-check",
            "--no-compile",  # most of pulumi_aws is never imported
            "--requirement",
            "requirements-dev.txt",
        ],
        timeout=INSTALL_TIMEOUT,
        cwd=REPOSITORY,
    )
    os.sync()  # after a power cut the stamp must not be there without the packages
    whole_files.write(_stamp(), wanted)
    return "installed"


def is_whole() -> bool:
    """Whether the last installation came to its end."""
    return _stamp().exists()


def _stamp() -> Path:
    return VENV / "pins.sha256"


def _digest() -> str:
    pins = b"\0".join((REPOSITORY / name).read_bytes() for name in PINS)
    return hashlib.sha256(pins + f"{VENV} {sys.version}".encode()).hexdigest()
