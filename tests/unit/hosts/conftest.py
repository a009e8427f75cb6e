"""Hosts that are folders of this machine: a stand-in for ssh runs their commands here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SSH = """#!{python}
import os, sys
options, words = [], sys.argv[1:]
while words[0].startswith("-"):
    options.append(words[:2])
    words = words[2:]
host = words[0].partition("@")[2]
home = os.path.join({hosts!r}, host)
if not os.path.isdir(home):
    sys.exit("ssh: connect to host " + host + ": Connection refused")
os.environ["PATH"] = home
os.environ["SSH_CONNECTION"] = "127.0.0.1 40000 " + host + " 22"
os.execv("/bin/sh", ["sh", "-c", " ".join(words[1:])])
"""
NODE_PYTHON = "OODT_NODE_PYTHON"  # environment: the Python of the hosts, if it is not that of the tests
DOCKER = """#!{python}
import json, os, sys
home = os.path.dirname(os.path.abspath(__file__))
if sys.argv[1] == "info":
    print(open(os.path.join(home, "info.json")).read())
if sys.argv[1:3] == ["node", "ls"]:
    print(open(os.path.join(home, "nodes")).read())
if sys.argv[1:3] == ["network", "ls"]:
    print("1a2b")
if sys.argv[1:3] == ["network", "inspect"]:
    print(open(os.path.join(home, "networks.json")).read())
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host at one of this machine's loopback addresses."""

    home: Path
    address: str

    @property
    def url(self) -> str:
        return f"ssh://root@{self.address}"

    def info(self, **changes: Any) -> None:
        """Have docker say this of itself, beside what is usual."""
        info: dict[str, Any] = {
            "ServerVersion": "26.1.5",
            "OSType": "linux",
            "Architecture": "x86_64",
            "Name": f"host-{self.address}",
            "DockerRootDir": str(self.home),
            "Swarm": {"LocalNodeState": "inactive", "NodeID": "", "ControlAvailable": False},
            "RegistryConfig": {
                "IndexConfigs": {"docker.io": {"Secure": True}},
                "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"],
            },
        }
        (self.home / "info.json").write_text(json.dumps(info | changes))

    def swarm(self, node: str, *, cluster: str = "", nodes: tuple[str, ...] = ()) -> None:
        """Have docker be in a swarm, as a manager where it knows its cluster."""
        state = {"LocalNodeState": "active", "NodeID": node, "ControlAvailable": bool(cluster)}
        self.info(Swarm=state | ({"Cluster": {"ID": cluster}} if cluster else {}))
        (self.home / "nodes").write_text("\n".join(nodes))
        self.overlay("198.18.64.0/20")

    def overlay(self, subnet: str) -> None:
        """Have docker say this of its overlay network."""
        network = {"Name": "swarm-network", "IPAM": {"Config": [{"Subnet": subnet}]}}
        (self.home / "networks.json").write_text(json.dumps([network]))


@pytest.fixture(scope="session", autouse=True)
def node_python(record_testsuite_property: Callable[[str, object], None]) -> None:
    """The results of the tests say which Python the hosts had."""
    line = [
        os.environ.get(NODE_PYTHON, sys.executable),
        "-c",
        "import platform; print(platform.python_version())",
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=30)
    record_testsuite_property("node-python", done.stdout.strip())


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """Three hosts with nothing wrong; ssh finds them and no others."""
    tools, hosts = tmp_path / "tools", tmp_path / "hosts"
    tools.mkdir()
    _program(tools / "ssh", SSH.format(python=sys.executable, hosts=str(hosts)))
    found = []
    for number in (1, 2, 3):
        address = f"127.77.0.{number}"
        machine = Machine(home=hosts / address, address=address)
        machine.home.mkdir(parents=True)
        _program(machine.home / "docker", DOCKER.format(python=sys.executable))
        (machine.home / "python3").symlink_to(os.environ.get(NODE_PYTHON, sys.executable))
        for command in ("chown", "sh", "setpriv", "test"):
            (machine.home / command).symlink_to(shutil.which(command) or f"/bin/{command}")
        machine.info()
        found.append(machine)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return found


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
