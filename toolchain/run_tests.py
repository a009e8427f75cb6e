"""Runs the tests in two processes at once: those of clusters mostly wait, the others mostly compute.

As a program: `python -m toolchain.run_tests`, whose arguments go to both pytests. The clusters' tests print
to a file meanwhile, which is shown when the others are done. The exit code is 0 only when both runs passed.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from toolchain.paths import REPOSITORY

RESULTS = REPOSITORY / "test-results"
CLUSTERS = "tests/e2e"
POLL_INTERVAL = 0.5


def run(arguments: Sequence[str]) -> int:
    RESULTS.mkdir(exist_ok=True)
    log = RESULTS / "clusters.log"
    with log.open("wb") as file:
        clusters = subprocess.Popen(
            _pytest("clusters", arguments, CLUSTERS), stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    print(f"run_tests: the tests of whole clusters run beside the others; what they print: {log}", flush=True)
    others = subprocess.Popen(_pytest("others", arguments, f"--ignore={CLUSTERS}"), stdin=subprocess.DEVNULL)
    try:
        status = others.wait()
        _show(log, clusters)
        return status or clusters.wait()
    except KeyboardInterrupt:  # both got the signal too, and remove what they made
        others.wait()
        clusters.wait()
        sys.exit(f"interrupted; what the tests of clusters printed: {log}")


def _pytest(name: str, arguments: Sequence[str], *what: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest", "-rs", f"--junitxml={RESULTS / name}.xml"),
        *("-o", f"cache_dir=.pytest_cache/{name}"),
        *arguments,
        *what,
    ]


def _show(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Print a file that a process writes, until the process ends."""
    with log.open("rb") as file:
        while True:
            ended = process.poll() is not None
            sys.stdout.buffer.write(file.read())
            sys.stdout.flush()
            if ended:
                return
            time.sleep(POLL_INTERVAL)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
