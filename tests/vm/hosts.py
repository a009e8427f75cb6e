"""Machines as target hosts borrows them: a file server that squashes root, and hosts that mount its share."""

from __future__ import annotations

from testing.waiting import until
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine
from toolchain.machine_disk import USER

EXPORTED = "/srv/share"
SHARED = "/shared-data"
WITHOUT_DOCKER = ("docker.service", "docker.socket", "containerd.service")


def serve(server: Machine) -> None:
    """Export a folder of the user, who is not root; also after the next boot."""
    server.run(
        f"install -d -o {USER} {EXPORTED}"
        f" && echo '{EXPORTED} *(rw,sync,no_subtree_check,root_squash)' >/etc/exports"
        " && systemctl enable --now nfs-server"
    )


def mount(machine: Machine, options: str = "vers=4.2") -> None:
    """Mount the server's folder; also at the next boot."""
    line = f"{machine.room.machines[0].address}:{EXPORTED} {SHARED} nfs {options},_netdev 0 0"
    machine.run(f"mkdir -p {SHARED} && sed -i '/ nfs /d' /etc/fstab && echo '{line}' >>/etc/fstab")
    machine.run(f"systemctl daemon-reload && mount {SHARED}")


def wait_for_docker(machine: Machine) -> None:
    until(
        lambda: machine.run("docker info --format '{{.ServerVersion}}'", check=False).strip(),
        seconds=COMMAND_TIMEOUT * PATIENCE,
        what=f"docker on {machine.name}",
    )
