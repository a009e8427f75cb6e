"""How hosts are named to ssh, and what ssh makes of a name."""

from __future__ import annotations

import shlex
import subprocess
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


def test_a_container_is_reached_through_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("ssh")
    monkeypatch.chdir(tmp_path)
    identity, manager = Identity(folder="keys"), f"ssh://root@{ssh.container_host('oodt-dev-manager')}:22"
    identity.configuration_file.parent.mkdir()
    identity.configuration_file.write_text(ssh.CONTAINERS_CONFIGURATION)
    for line in (ssh.command(identity, manager), ssh.login_line(identity, manager, [8080]).split()):
        asked = subprocess.run([line[0], "-G", *line[1:]], capture_output=True, text=True, check=True)
        (proxy,) = (each for each in asked.stdout.splitlines() if each.startswith("proxycommand "))
        command = proxy.removeprefix("proxycommand ").replace("%h", "oodt-dev-manager.container")
        shown = subprocess.run(
            ["sh", "-c", f"docker() {{ echo docker $*; }}; {command}"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.split() == [
            *("docker", "exec", "--interactive", "oodt-dev-manager"),
            *("/usr/sbin/sshd", "-i"),
        ]


def test_the_line_to_log_in_has_no_quotes_so_that_a_shell_may_put_it_in_place() -> None:
    line = ssh.login_line(Identity(folder="keys"), f"ssh://root@{ssh.container_host('oodt-dev-manager')}:22")
    assert line.split() == shlex.split(line)
    assert line.split()[-1] == "root@oodt-dev-manager.container"


def test_other_hosts_have_the_operators_own_configuration() -> None:
    assert "-F" not in ssh.command(Identity(folder="keys"), "ssh://ec2-user@203.0.113.7:22")


def test_the_key_of_a_container_is_read_from_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\necho "$@" >&2\n[ "$2" = there ] && echo ssh-ed25519 AAAA root@there\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert ssh.container_key("there") == "there.container ssh-ed25519 AAAA"
    with pytest.raises(ssh.UnreachableError, match="gone: exec gone cat /var/lib/docker/node/ssh_host"):
        ssh.container_key("gone")


def test_docker_is_asked_again_while_its_swarm_is_too_busy_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh"
    program.write_text(
        f"""#!/bin/sh
echo x >>{tmp_path}/asked
[ $(wc -l <{tmp_path}/asked) -gt 1 ] && echo worker1 && exit
echo "Error response from daemon: rpc error: code = DeadlineExceeded desc = context deadline exceeded" >&2
exit 1
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(ssh, "TURNED_AWAY_PAUSE", 0.01)
    assert ssh.docker(OPERATOR, "ssh://root@manager", "node ls") == "worker1\n"
    program.write_text(f"#!/bin/sh\necho x >>{tmp_path}/asked; echo no such node >&2; exit 1\n")
    with pytest.raises(ssh.RemoteError, match="no such node"):
        ssh.docker(OPERATOR, "ssh://root@manager", "node rm worker9")
    assert (tmp_path / "asked").read_text().count("x") == 3
