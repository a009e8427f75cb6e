"""Runs the tests in several processes at once, since many of them wait: for clusters, images, time limits.

As a program: `python -m toolchain.run_tests`, whose arguments go to each pytest. What no lane names runs in
the foreground; the lanes print to files meanwhile, which are shown when that is done. The exit code is 0 only
when all runs passed.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from toolchain import go
from toolchain.paths import REPOSITORY

RESULTS = REPOSITORY / "test-results"
# Hosts come before instances, which need the AWS plugin: where there is none, it takes minutes to build.
LANES = {
    "local": ("tests/e2e/test_local_cluster.py", "tests/e2e/test_chaos.py"),
    "hosts-and-instances": (
        "tests/e2e/test_hosts_cluster.py",
        "tests/e2e/aws/test_boot.py",
        "tests/e2e/aws/test_services.py",
    ),
    "aws-and-migration": ("tests/e2e/aws/test_engine.py", "tests/e2e/test_migration.py"),
    "images": (
        "tests/contract",
        "tests/integration/test_image*.py",
        "tests/integration/test_own_container.py",
    ),
    "status": ("tests/integration/test_status*.py", "tests/integration/test_outages.py"),
    "units": ("tests/unit", "tests/simulation"),
}
OTHERS = "others"
POLL_INTERVAL = 0.5


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A pytest that runs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None = None

    def wait(self) -> int:
        """The exit code; what the lane prints is shown until it ends."""
        if self.log is not None:
            print(f"run_tests: lane {self.name}: {self.log}", flush=True)
            _show(self.log, self.process)
        return self.process.wait()


def run(arguments: Sequence[str]) -> int:
    RESULTS.mkdir(exist_ok=True)
    lanes = [_start(name, arguments, _files(patterns)) for name, patterns in LANES.items()]
    print(f"run_tests: beside these run the lanes {', '.join(LANES)}, which print to {RESULTS}", flush=True)
    named = [f"--ignore={path}" for patterns in LANES.values() for path in _files(patterns)]
    others = Lane(name=OTHERS, process=_pytest(OTHERS, arguments, named))
    try:
        codes = [lane.wait() for lane in (others, *lanes)]
    except KeyboardInterrupt:  # all of them got the signal too, and remove what they made
        for lane in (others, *lanes):
            lane.process.wait()
        sys.exit(f"interrupted; what the lanes printed: {RESULTS}")
    go.forget()
    return 1 if any(codes) else 0


def _start(name: str, arguments: Sequence[str], paths: Sequence[str]) -> Lane:
    log = RESULTS / f"{name}.log"
    with log.open("wb") as file:
        return Lane(name=name, process=_pytest(name, arguments, paths, output=file), log=log)


def _pytest(
    name: str, arguments: Sequence[str], paths: Sequence[str], *, output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    line = [
        *(sys.executable, "-m", "pytest", "-rs", f"--junitxml={RESULTS / name}.xml"),
        *("-o", f"cache_dir=.pytest_cache/{name}"),
        *arguments,
        *paths,
    ]
    return subprocess.Popen(line, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def _files(patterns: Sequence[str]) -> list[str]:
    return [str(path.relative_to(REPOSITORY)) for each in patterns for path in sorted(REPOSITORY.glob(each))]


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
