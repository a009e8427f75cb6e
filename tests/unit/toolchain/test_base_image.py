"""What the made base image takes over from the machine."""

import base64
import textwrap

from toolchain.base_image.mmdebstrap import FILES, extra_certificates
from toolchain.mirrors import apt_sources


def pem(content: str, width: int = 64) -> str:
    lines = "\n".join(textwrap.wrap(base64.b64encode(content.encode() * 20).decode(), width))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----"


def test_only_certificates_that_the_distribution_does_not_ship_are_extra() -> None:
    shipped = f"# a comment\n{pem('debian 1')}\n{pem('debian 2')}\n"
    trusted = f"{pem('debian 2')}\n{pem('company')}\n{pem('debian 1')}\n"
    assert extra_certificates(trusted, shipped) == [pem("company")]


def test_a_certificate_that_is_wrapped_differently_is_the_same() -> None:
    assert extra_certificates(pem("debian"), pem("debian", width=60)) == []


def test_the_machines_mirrors_serve_another_suite() -> None:
    targets = "\n".join(
        [
            "bookworm http://mirror.example/debian/",
            "bookworm-updates http://mirror.example/debian/",
            "bookworm-security http://mirror.example/security/",
            "nodistro https://other.example/node/",
        ]
    )
    assert apt_sources(targets, "bookworm", "trixie") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]


def test_a_machine_that_is_no_debian_has_no_mirror_to_share() -> None:
    assert apt_sources("noble http://mirror.example/ubuntu/", "", "trixie") == []


def test_what_slim_images_leave_out_is_named_as_mmdebstrap_reads_it() -> None:
    lines = (FILES / "dpkg.cfg").read_text().splitlines()
    assert "path-exclude=/usr/share/locale/*" in lines
    assert not [line for line in lines if line.startswith(("path-exclude ", "path-include "))]
