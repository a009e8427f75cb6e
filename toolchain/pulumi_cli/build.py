"""Builds the Pulumi CLI from its Go module, at the versions and checksums in go.mod and go.sum."""

import os
import shutil
from pathlib import Path

from toolchain import go
from toolchain.paths import TOOLCHAIN
from toolchain.steps import Log, StepFailed

MODULE = Path(__file__).parent
CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

WORK = (
    TOOLCHAIN / "go"
)  # modules and compiled packages: kept until the build succeeds, so that it can be interrupted

DISK_NEEDED = 5 << 30
BUILD_TIMEOUT = 1800


def build(executable: Path, version: str, log: Log) -> None:
    if (free := shutil.disk_usage(TOOLCHAIN).free) < DISK_NEEDED:
        raise StepFailed(
            f"{TOOLCHAIN} has {free >> 20} MiB free, building the CLI takes {DISK_NEEDED >> 20} MiB "
            "for a while: make room, or install Pulumi's own CLI"
        )
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
        [go.ensure(), "build", *flags, "-o", unfinished, CLI],
        timeout=BUILD_TIMEOUT,
        cwd=MODULE,
        env=environment,
    )
    unfinished.replace(executable)
    shutil.rmtree(WORK)
    shutil.rmtree(go.FROM_PYPI, ignore_errors=True)
