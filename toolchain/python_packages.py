"""The project's own Python environment, `.venv`, with the packages pinned in requirements-dev.txt.

A stamp in it names the pins that it was filled from, and is there only while `.venv` is whole. pip cannot
tell: it takes an interrupted installation for a whole one, its own too.
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
    """Install what the pins say into `.venv`, unless it was last filled from the same pins."""
    wanted = _digest()
    if is_whole() and _stamp().read_text() == wanted:
        return "up to date"
    anew = [] if is_whole() and not _was_moved() else ["--clear"]
    _stamp().unlink(missing_ok=True)
    log.run([sys.executable, "-m", "venv", *anew, VENV], timeout=CREATE_TIMEOUT)
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


def _was_moved() -> bool:
    """Whether the programs in `.venv` look for their Python in another folder, and so do not run."""
    pip = VENV / "bin" / "pip"
    return pip.exists() and str(VENV.resolve()) not in pip.read_text()


def _digest() -> str:
    pins = b"\0".join((REPOSITORY / name).read_bytes() for name in PINS)
    return hashlib.sha256(pins + f"{VENV} {sys.version}".encode()).hexdigest()
