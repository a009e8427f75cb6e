"""Builds the Pulumi CLI from its Go module, at the versions and checksums in go.mod and go.sum."""

import shutil
from pathlib import Path

from toolchain import go, whole_files
from toolchain.paths import TOOLCHAIN
from toolchain.steps import Log, StepFailed

MODULE = Path(__file__).parent
CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

DISK_NEEDED = 5 << 30
BUILD_TIMEOUT = 1800


def build(executable: Path, version: str, log: Log) -> None:
    if (free := shutil.disk_usage(TOOLCHAIN).free) < DISK_NEEDED:
        raise StepFailed(
            f"{TOOLCHAIN} has {free >> 20} MiB free, building the CLI takes {DISK_NEEDED >> 20} MiB "
            "for a while: make room, or install Pulumi's own CLI"
        )
    unfinished = whole_files.unfinished(executable)
    line = go.build_line(CLI, unfinished, ldflags=f"-X {VERSION_VARIABLE}={version}")
    log.run(line, timeout=BUILD_TIMEOUT, cwd=MODULE, env=go.environment())
    whole_files.put(unfinished, executable)
