"""Machines as target hosts borrows them: a file server that squashes root, and hosts that mount its share."""

from __future__ import annotations

import re
import subprocess

from infra.hosts import inspection, layout
from infra.hosts.inspection import HostsError
from infra.hosts.settings import HostsSettings
from infra.ssh import Identity
from testing.waiting import until
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine
from toolchain.machine_disk import USER
from toolchain.paths import REPOSITORY

EXPORTED = "/srv/share"
SHARED = "/shared-data"
WORKFLOWS = ("test-workflow",)
WITHOUT_DOCKER = ("docker.service", "docker.socket", "containerd.service")

Found = dict[str, list[tuple[str, str]]]  # what is wrong with each host, and the fix


def serve(server: Machine, folder: str = EXPORTED) -> None:
    """Export a folder of the user, who is not root; also after the next boot."""
    server.run(
        f"install -d -o {USER} {folder}"
        f" && echo '{folder} *(rw,sync,no_subtree_check,root_squash)' >/etc/exports"
        " && systemctl enable --now nfs-server"
    )


def mount(machine: Machine, options: str = "vers=4.2", folder: str = EXPORTED) -> None:
    """Mount a folder of the first machine, which serves it; also at the next boot."""
    line = f"{machine.room.machines[0].address}:{folder} {SHARED} nfs {options},_netdev 0 0"
    machine.run(f"mkdir -p {SHARED} && sed -i '/ nfs /d' /etc/fstab && echo '{line}' >>/etc/fstab")
    machine.run(f"systemctl daemon-reload && mount {SHARED}")


def wait_for_docker(machine: Machine) -> None:
    until(
        lambda: machine.run("docker info --format '{{.ServerVersion}}'", check=False).strip(),
        seconds=COMMAND_TIMEOUT * PATIENCE,
        what=f"docker on {machine.name}",
    )


def check(machines: list[Machine]) -> Found:
    """What the check finds wrong with all but the file server, the first one; empty if it takes them."""
    manager, *workers = (machine.url for machine in machines[1:])
    settings = HostsSettings(manager=manager, workers=tuple(workers), shared_path=SHARED, keep_data=True)
    try:
        inspection.inspect(settings, Identity(folder=""), WORKFLOWS, layout.service_ports(prometheus=False))
    except HostsError as problem:
        return read(str(problem))
    return {}


def read(text: str) -> Found:
    found: Found = {}
    host = what = ""
    for line in text.splitlines():
        if heading := re.fullmatch(r"(?:manager|worker) (ssh://\S+)", line):
            host = heading[1]
            found[host] = []
        elif line.startswith("  - "):
            what = line.removeprefix("  - ")
        elif line.startswith("    fix: "):
            found[host].append((what, line.removeprefix("    fix: ")))
    return found


def saying(found: Found, machine: Machine, words: str) -> str:
    """The fix of what is wrong with a machine in these words."""
    fixes = [fix for what, fix in found.get(machine.url, []) if words in what]
    assert len(fixes) == 1, f"{words!r} of {machine.name}: {found}"
    return fixes[0]


def make_folders(server: Machine, fix: str) -> None:
    """Type the lines of a fix that are for the file server, where the share has another path."""
    server.run(fix.partition(": ")[2].replace(f"{SHARED}/", f"{EXPORTED}/"))


def accept_registry(fix: str) -> None:
    """Type the line of a fix that is for the operator's machine."""
    line = fix.partition("do both: ")[2]
    subprocess.run(line, shell=True, cwd=REPOSITORY, check=True, timeout=COMMAND_TIMEOUT * PATIENCE)
