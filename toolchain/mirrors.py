"""Where this machine gets packages of Debian, for a root file system that mmdebstrap makes."""

import platform
import re
import subprocess
from pathlib import Path

QUERY_TIMEOUT = 30

# A build reaches the mirror with the same settings as this machine, and uses none of its other apt settings.
INHERITED_APT_SETTINGS = re.compile(r"Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date) ")


def apt_sources(index_targets: str, codename: str, suite: str) -> list[str]:
    """Apt's source lines for `suite`, from the mirrors of a machine that runs `codename`.

    `index_targets` holds lines `RELEASE URI`. A machine without a Debian mirror has no source lines;
    mmdebstrap then uses its default.
    """
    mirrors = dict(line.split() for line in index_targets.splitlines())
    if codename not in mirrors:
        return []
    sources = [f"deb {mirrors[codename]} {suite} main", f"deb {mirrors[codename]} {suite}-updates main"]
    if security := mirrors.get(f"{codename}-security"):
        sources.append(f"deb {security} {suite}-security main")
    return sources


def source_list(folder: Path, suite: str) -> list[str]:
    """The file of source lines as mmdebstrap's last argument; none where mmdebstrap's default has to do."""
    sources = apt_sources(_index_targets_of_this_machine(), _codename_of_this_machine(), suite)
    if not sources:
        return []
    path = folder / "sources.list"
    path.write_text("\n".join(sources) + "\n")
    return [str(path)]


def apt_settings() -> list[str]:
    settings = _output(["apt-config", "dump"]).splitlines()
    return [setting.rstrip(";") for setting in settings if INHERITED_APT_SETTINGS.match(setting)]


def _index_targets_of_this_machine() -> str:
    return _output(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"])


def _codename_of_this_machine() -> str:
    release = platform.freedesktop_os_release()
    return release.get("VERSION_CODENAME", "") if release["ID"] == "debian" else ""


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, timeout=QUERY_TIMEOUT, capture_output=True, text=True).stdout
