"""Make the base image from a Debian mirror: `debian:trixie-slim` plus what this machine trusts.

Certificates that the machine trusts beyond Debian's (those of a company's proxy, say) go into the image, so
that apt, pip and Maven work over TLS inside `docker build` as they do outside of it.
"""

import re
import ssl
import tempfile
from pathlib import Path

from toolchain import mirrors
from toolchain.steps import Log

FILES = Path(__file__).parent
BUILD_TIMEOUT = 900
EMULATED_BUILD_TIMEOUT = 3600
IMPORT_TIMEOUT = 120

TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
SHIPPED = Path("/usr/share/ca-certificates")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def make(image: str, suite: str, log: Log, architecture: str | None = None) -> None:
    """Make `image` from Debian's `suite` and import it into the docker engine in use.

    Another `architecture` than this machine's needs a kernel that runs its programs, by QEMU.
    """
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        tarball = Path(folder) / "base.tar"
        program, *arguments = _mmdebstrap_command(Path(folder), suite, tarball)
        timeout, making, importing = BUILD_TIMEOUT, [program], ["docker", "import"]
        if architecture is not None:
            timeout = EMULATED_BUILD_TIMEOUT
            making.append(f"--architectures={architecture}")
            importing.append(f"--platform=linux/{architecture}")
        log.run([*making, *arguments], timeout=timeout)
        log.run([*importing, "--change", 'CMD ["bash"]', tarball, image], timeout=IMPORT_TIMEOUT)


def extra_certificates(trusted: str, shipped: str) -> list[str]:
    """The certificates of `trusted` that `shipped` lacks, however the lines of either are wrapped."""
    known = {ssl.PEM_cert_to_DER_cert(pem) for pem in PEM.findall(shipped)}
    return [pem for pem in PEM.findall(trusted) if ssl.PEM_cert_to_DER_cert(pem) not in known]


def _mmdebstrap_command(folder: Path, suite: str, tarball: Path) -> list[str]:
    certificates = folder / "ca-certificates"
    certificates.mkdir()
    for number, pem in enumerate(_certificates_of_this_machine(), start=1):
        (certificates / f"machine-{number}.crt").write_text(pem + "\n")
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        f"--dpkgopt={FILES / 'dpkg.cfg'}",
        *(f"--aptopt={setting}" for setting in mirrors.apt_settings()),
        f"--customize-hook=sync-in '{FILES / 'files'}' /",
        f"--customize-hook=sync-in '{certificates}' /usr/local/share/ca-certificates",
        '--customize-hook=chroot "$1" update-ca-certificates',
        suite,
        str(tarball),
        *mirrors.source_list(folder, suite),
    ]


def _certificates_of_this_machine() -> list[str]:
    if not TRUSTED.exists():
        return []
    shipped = "\n".join(path.read_text() for path in sorted(SHIPPED.rglob("*.crt")))
    return extra_certificates(TRUSTED.read_text(), shipped)
