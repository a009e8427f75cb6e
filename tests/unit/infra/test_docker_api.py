"""Docker's API over ssh, given an ssh that answers as docker does."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import saved_image, ssh
from infra.docker_api import DockerApi
from infra.ssh import Identity

Speak = Callable[[str], DockerApi]

# It notes each login, then answers each request with its path, until its input ends.
ANSWERING = """
import http.server, sys

with open({logins!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")

class Docker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.rfile, self.wfile = sys.stdin.buffer, sys.stdout.buffer

    def finish(self):
        self.wfile.flush()

    def do_GET(self):
        missing = self.path == "/services/missing"
        body = b'{{"message": "no such service"}}' if missing else b'["%s"]' % self.path.encode()
        self.send_response(404 if missing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass

Docker(None, ("client", 0), None)
"""
REFUSING = """
import sys
sys.exit("manager: Permission denied (publickey).")
"""
# The first two logins come at a bad moment: too many at once, or sshd has no time.
BUSY = """
import pathlib, sys
logins = pathlib.Path({logins!r})
number = len(logins.read_text().splitlines()) if logins.exists() else 0
if number < 2:
    logins.write_text("turned away\\n" * (number + 1))
    print(("kex_exchange_identification: Connection closed by remote host",
           "Connection timed out during banner exchange")[number], file=sys.stderr)
    sys.exit(255)
"""


@pytest.fixture
def logins(tmp_path: Path) -> Path:
    return tmp_path / "logins"


@pytest.fixture
def speak(tmp_path: Path, logins: Path, monkeypatch: pytest.MonkeyPatch) -> Speak:
    """Makes this program the ssh command, and docker what it reaches."""

    def install(program: str) -> DockerApi:
        command = tmp_path / "bin" / "ssh"
        command.parent.mkdir()
        command.write_text(f"#!{sys.executable}\n" + program.format(logins=str(logins)))
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(command.parent), prepend=":")
        return DockerApi(Identity(folder=""), "ssh://root@manager:2222")

    return install


def test_one_login_is_enough_for_many_looks(speak: Speak, logins: Path) -> None:
    with speak(ANSWERING) as docker:
        assert docker.get("/services/x") == ["/services/x"]
        [asked] = docker.get("/tasks", {"service": ["x"]})
    assert asked == "/tasks?filters=%7B%22service%22%3A+%5B%22x%22%5D%7D"
    [login] = logins.read_text().splitlines()
    assert login.endswith("-p 2222 root@manager docker system dial-stdio")


def test_an_error_of_docker_is_quoted(speak: Speak) -> None:
    with speak(ANSWERING) as docker, pytest.raises(ssh.RemoteError, match="manager: docker: no such service"):
        docker.get("/services/missing")


def test_an_error_of_ssh_is_quoted_if_the_login_fails(speak: Speak) -> None:
    with speak(REFUSING) as docker, pytest.raises(ssh.UnreachableError, match="Permission denied"):
        docker.get("/services/x")


def test_a_login_that_sshd_turned_away_is_tried_again(
    speak: Speak, logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "TURNED_AWAY_PAUSE", 0.01)
    with speak(BUSY + ANSWERING) as docker:
        assert docker.get("/services/x") == ["/services/x"]
    assert logins.read_text().count("turned away") == 2


def test_a_command_that_sshd_turned_away_is_run_again(
    speak: Speak, logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "TURNED_AWAY_PAUSE", 0.01)
    speak(BUSY + "print('done')")
    assert ssh.run(Identity(folder=""), "ssh://root@manager", "true", timeout=30) == "done\n"
    assert logins.read_text().count("turned away") == 2


def test_an_image_that_sshd_turned_away_is_copied_again(
    speak: Speak, tmp_path: Path, logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "TURNED_AWAY_PAUSE", 0.01)
    speak(BUSY + "print('Loaded image:', sys.stdin.read())")
    docker = tmp_path / "bin" / "docker"
    docker.write_text("#!/bin/sh\nprintf %s oodt")
    docker.chmod(0o755)
    assert saved_image.copy("oodt", ["ssh", "manager", "docker"]) == "oodt"
    assert logins.read_text().count("turned away") == 2
