"""The project's own Python environment, `.venv`, with the packages pinned in requirements-dev.txt."""

import hashlib
import sys

from toolchain.paths import REPOSITORY, VENV
from toolchain.steps import Log

PINS = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
CREATE_TIMEOUT = 120
INSTALL_TIMEOUT = 900


def ensure(log: Log) -> str:
    """Install what the pins say into `.venv`, unless it was last filled from the same pins."""
    stamp = VENV / "pins.sha256"
    wanted = _digest()
    if stamp.exists() and stamp.read_text() == wanted:
        return "up to date"
    anew = ["--clear"] if _was_moved() else []
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
    stamp.write_text(wanted)
    return "installed"


def _was_moved() -> bool:
    """Whether the programs in `.venv` look for their Python in another folder, and so do not run."""
    pip = VENV / "bin" / "pip"
    return pip.exists() and str(VENV.resolve()) not in pip.read_text()


def _digest() -> str:
    pins = b"\0".join((REPOSITORY / name).read_bytes() for name in PINS)
    return hashlib.sha256(pins + f"{VENV} {sys.version}".encode()).hexdigest()
