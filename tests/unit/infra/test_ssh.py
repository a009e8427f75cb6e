"""How hosts are named to ssh, and what ssh makes of a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import ssh
from infra.ssh import Identity
from testing.tools import require

OPERATOR = Identity(folder="")


def test_an_alias_reaches_ssh_as_it_was_written() -> None:
    assert ssh.command(OPERATOR, "ssh://Op@Host0")[-1] == "Op@Host0"
    assert ssh.command(OPERATOR, "ssh://op@my_Host:2222")[-3:] == ["-p", "2222", "op@my_Host"]
    assert ssh.login_line(OPERATOR, "ssh://op@Host0").endswith("op@Host0")


def test_an_alias_is_the_host_that_the_operators_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("ssh")
    file = tmp_path / "config"
    file.write_text("Host Head\n  HostName 10.1.2.3\n")
    monkeypatch.setenv(ssh.CONFIGURATION, str(file))
    assert ssh.host_name(OPERATOR, "ssh://op@Head") == "10.1.2.3"
    assert ssh.host_name(OPERATOR, "ssh://op@head.example.org:2222") == "head.example.org"


def test_a_configuration_that_ssh_refuses_names_no_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("ssh")
    monkeypatch.setenv(ssh.CONFIGURATION, str(tmp_path / "none"))
    assert ssh.host_name(OPERATOR, "ssh://op@head") == ""
