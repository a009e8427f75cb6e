"""HashiCorp's AWS provider as a plugin of the Pulumi engine, where the machine has the provider."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from testing.tools import missing
from toolchain import docker_plugin, go
from toolchain.paths import PULUMI_HOME, TOOLCHAIN

MODULE = Path(__file__).parent / "bridge"
HOME = TOOLCHAIN / "aws-bridge"
VERSION = "7.51.1"  # of pulumi-aws, whose SDK asks for this plugin
PROVIDER = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws_*"
BUILD_TIMEOUT = 2400  # seconds; with empty caches on two cores, which other tests use too
# Where Terraform looks for providers that a machine has, and one level below /opt.
ROOTS = (
    Path.home() / ".terraform.d" / "plugins",
    Path("/usr/local/share/terraform/plugins"),
    Path("/usr/share/terraform/plugins"),
    *sorted(Path("/opt").glob("*")),
)


def provider() -> Path:
    """The executable of HashiCorp's provider."""
    for root in ROOTS:
        for found in root.glob(PROVIDER):
            return found
    missing(f"no Terraform mirror of this machine has {PROVIDER}")


def install(pulumi_home: Path) -> None:
    """Put the plugin into a PULUMI_HOME of the test's own, beside that of pulumi-docker."""
    executable = built()
    folder = pulumi_home / "plugins" / f"resource-aws-v{VERSION}"
    folder.mkdir(parents=True)
    (folder / executable.name).symlink_to(executable)
    if beside := docker_plugin.installed_in(PULUMI_HOME):
        shutil.copytree(beside, pulumi_home / "plugins" / beside.name)


def built() -> Path:
    """The bridge with the provider beside it; built again when its source is newer."""
    HOME.mkdir(parents=True, exist_ok=True)
    executable = HOME / "pulumi-resource-aws"
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        link = HOME / "terraform-provider-aws"
        link.unlink(missing_ok=True)
        link.symlink_to(provider())
        newest = max(file.stat().st_mtime for file in MODULE.iterdir())
        if not executable.exists() or executable.stat().st_mtime < newest:
            _build(executable)
    return executable


def _build(executable: Path) -> None:
    done = subprocess.run(
        # A build that goes on after its test would take the processors from the others.
        ["setpriv", "--pdeathsig", "KILL", *go.build_line(".", executable)],
        cwd=MODULE,
        env=go.environment(),
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the bridge was not built:\n{done.stderr[-4000:]}")
