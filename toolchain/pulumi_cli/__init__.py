"""The Pulumi CLI: the machine's own, else the vendor's release, else built from the CLI's Go module.

The module has no Python language host, so a CLI that was built from it uses language_host.py.
"""

import os
import platform
import shutil
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

from toolchain import whole_files
from toolchain.paths import BIN, REPOSITORY, VENV
from toolchain.pulumi_cli import build
from toolchain.steps import Log
from toolchain.versions import PULUMI_MODULE, PULUMI_RELEASE

RELEASES = "https://get.pulumi.com/releases/sdk"
CONNECT_TIMEOUT = 10
DOWNLOAD_TIMEOUT = 300
QUERY_TIMEOUT = 30
ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

LANGUAGE_HOST = """\
#!/bin/sh
exec "{python}" -u -P "{repository}/toolchain/pulumi_cli/language_host.py" "$@"
"""
# The provider of `pulumi.dynamic` resources; the vendor's release has one too.
DYNAMIC_PROVIDER = """\
#!/bin/sh
exec "{python}" -u -m pulumi.dynamic "$@"
"""


def ensure(log: Log) -> str:
    if own := on_path():
        return f"{version(own)} at {own}, the machine's own"
    if version(BIN / "pulumi") == PULUMI_RELEASE:
        return "up to date"
    BIN.mkdir(parents=True, exist_ok=True)
    if version(BIN / "pulumi") == PULUMI_MODULE:
        _write_companions()
        return "up to date"
    try:
        download(f"{RELEASES}/pulumi-v{PULUMI_RELEASE}-{_platform()}.tar.gz", BIN)
    except OSError as error:
        log.note(f"The vendor's release cannot be downloaded: {error}")
    else:
        return f"{PULUMI_RELEASE} downloaded"
    _write_companions()
    build.build(BIN / "pulumi", PULUMI_MODULE, log)
    return f"{PULUMI_MODULE} built from its Go module"


def executable() -> Path:
    """The CLI that a shell has after `source ./activate`."""
    return on_path() or BIN / "pulumi"


def on_path() -> Path | None:
    """The machine's own CLI, which wins over the toolchain's."""
    others = [folder for folder in os.get_exec_path() if Path(folder) != BIN]
    found = shutil.which("pulumi", path=os.pathsep.join(others))
    return Path(found) if found else None


def version(pulumi: Path) -> str | None:
    """The version that the CLI prints; None if it is missing or does not run."""
    try:
        answer = subprocess.run(
            [pulumi, "version"],
            check=True,
            timeout=QUERY_TIMEOUT,
            capture_output=True,
            text=True,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip().removeprefix("v")


def download(url: str, destination: Path) -> None:
    """Unpack a release into `destination`. The CLI is last, so if it is there the rest is there too."""
    archive = destination / "release.tar.gz"
    try:
        _fetch(url, archive)
        with tarfile.open(archive) as release:
            members = [member for member in release if member.isfile()]
            for member in sorted(members, key=lambda member: Path(member.name).name == "pulumi"):
                program = destination / Path(member.name).name
                draft = whole_files.unfinished(program)
                member.name = draft.name
                release.extract(member, destination, filter="data")
                whole_files.put(draft, program)
    finally:
        archive.unlink(missing_ok=True)


def write_script(path: Path, template: str) -> None:
    """Write an executable that runs in the project's Python environment."""
    whole_files.write(path, script(template), mode=0o755)


def script(template: str) -> str:
    return template.format(python=VENV / "bin" / "python", repository=REPOSITORY)


def _write_companions() -> None:
    write_script(BIN / "pulumi-language-python", LANGUAGE_HOST)
    write_script(BIN / "pulumi-resource-pulumi-python", DYNAMIC_PROVIDER)


def _fetch(url: str, file: Path) -> None:
    deadline = time.monotonic() + DOWNLOAD_TIMEOUT
    with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT) as answer, file.open("wb") as output:
        while chunk := answer.read(1 << 20):
            output.write(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not arrive within {DOWNLOAD_TIMEOUT} s")


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"
