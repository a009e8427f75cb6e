"""Make the base image from a Debian mirror: `debian:trixie-slim` plus what this machine trusts.

Certificates that the machine trusts beyond Debian's (those of a company's proxy, say) go into the image, so
that apt, pip and Maven work over TLS inside `docker build` as they do outside of it.
"""

import platform
import re
import ssl
import subprocess
import tempfile
from pathlib import Path

from toolchain.steps import Log

FILES = Path(__file__).parent
BUILD_TIMEOUT = 900
IMPORT_TIMEOUT = 120
QUERY_TIMEOUT = 30

TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
SHIPPED = Path("/usr/share/ca-certificates")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# A build reaches the mirror with the same settings as this machine, and uses none of its other apt settings.
INHERITED_APT_SETTINGS = re.compile(r"Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date) ")


def make(image: str, suite: str, log: Log) -> None:
    """Make `image` from Debian's `suite` and import it into the docker engine in use."""
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        tarball = Path(folder) / "base.tar"
        log.run(_mmdebstrap_command(Path(folder), suite, tarball), timeout=BUILD_TIMEOUT)
        log.run(["docker", "import", "--change", 'CMD ["bash"]', tarball, image], timeout=IMPORT_TIMEOUT)


def extra_certificates(trusted: str, shipped: str) -> list[str]:
    """The certificates of `trusted` that `shipped` lacks, however the lines of either are wrapped."""
    known = {ssl.PEM_cert_to_DER_cert(pem) for pem in PEM.findall(shipped)}
    return [pem for pem in PEM.findall(trusted) if ssl.PEM_cert_to_DER_cert(pem) not in known]


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


def _mmdebstrap_command(folder: Path, suite: str, tarball: Path) -> list[str]:
    certificates = folder / "ca-certificates"
    certificates.mkdir()
    for number, pem in enumerate(_certificates_of_this_machine(), start=1):
        (certificates / f"machine-{number}.crt").write_text(pem + "\n")
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        f"--dpkgopt={FILES / 'dpkg.cfg'}",
        *(f"--aptopt={setting}" for setting in _apt_settings_of_this_machine()),
        f"--customize-hook=sync-in '{FILES / 'files'}' /",
        f"--customize-hook=sync-in '{certificates}' /usr/local/share/ca-certificates",
        '--customize-hook=chroot "$1" update-ca-certificates',
        suite,
        str(tarball),
    ]
    if sources := apt_sources(_index_targets_of_this_machine(), _codename_of_this_machine(), suite):
        (folder / "sources.list").write_text("\n".join(sources) + "\n")
        command.append(str(folder / "sources.list"))
    return command


def _certificates_of_this_machine() -> list[str]:
    if not TRUSTED.exists():
        return []
    shipped = "\n".join(path.read_text() for path in sorted(SHIPPED.rglob("*.crt")))
    return extra_certificates(TRUSTED.read_text(), shipped)


def _apt_settings_of_this_machine() -> list[str]:
    settings = _output(["apt-config", "dump"]).splitlines()
    return [setting.rstrip(";") for setting in settings if INHERITED_APT_SETTINGS.match(setting)]


def _index_targets_of_this_machine() -> str:
    return _output(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"])


def _codename_of_this_machine() -> str:
    release = platform.freedesktop_os_release()
    return release.get("VERSION_CODENAME", "") if release["ID"] == "debian" else ""


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, timeout=QUERY_TIMEOUT, capture_output=True, text=True).stdout
