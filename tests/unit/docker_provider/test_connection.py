"""How the substitute plugin names a host to ssh."""

from __future__ import annotations

import pytest

from toolchain.docker_provider.connection import host_of


@pytest.mark.parametrize(
    ("netloc", "host"),
    [("op@Host0", "Host0"), ("op@my_Host:2222", "my_Host"), ("op@[fe80::1]:22", "fe80::1"), ("h", "h")],
)
def test_a_host_keeps_its_letters_as_they_were_written(netloc: str, host: str) -> None:
    assert host_of(netloc) == host
