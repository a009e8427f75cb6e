"""What is done on hosts over ssh: making the share's folders, joining, leaving, and ending the swarm."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra import ssh
from infra.hosts import layout
from infra.ssh import Identity
from infra.waiting import NotReadyError, until

JOIN = Path(__file__).resolve().parents[1] / "node" / "join.py"
JOIN_TIMEOUT = 120  # seconds that the join script has
JOIN_MARGIN = 30  # seconds for the connection, and for the script to say that it gave up
FOLDERS_TIMEOUT = 60
LEAVE_TIMEOUT = 60
STOP_TIMEOUT = 60  # seconds for the containers on the manager to stop by themselves
REMOVE_TIMEOUT = 600  # seconds to remove the data of many jobs

# Only what belongs to other users needs root; sudo must not ask for a password.
AS_ROOT = 'root=; [ "$(id -u)" = 0 ] || root="sudo -n"\n'
VOLUMES = (
    '{{range .Spec.TaskTemplate.ContainerSpec.Mounts}}{{if eq .Type "volume"}}{{.Source}} {{end}}{{end}}'
)


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host as ``ssh://USER@HOST[:PORT]``, with the folder that it shares with the others."""

    url: str
    identity: Identity
    share: str

    def run(self, script: str, *, timeout: float, stdin: bytes = b"") -> str:
        """Raises ssh.RemoteError."""
        return ssh.run(self.identity, self.url, script, timeout=timeout, stdin=stdin)

    def docker(self, command: str) -> str:
        """Raises ssh.RemoteError."""
        return ssh.docker(self.identity, self.url, command).strip()

    def info(self, form: str) -> str:
        return self.docker(f"info --format '{{{{{form}}}}}'")


def make_folders(manager: Host, job_folders: Sequence[str]) -> None:
    """Make what is not there yet of the cluster's folders, and a job folder for each of these names."""
    names = [*layout.UIDS, *(f"jobs/{name}" for name in job_folders)]
    lines = [
        f"[ -d {shlex.quote(f'{manager.share}/{name}')} ] || $root {layout.making(name, manager.share)}"
        for name in names
    ]
    manager.run("set -e\n" + AS_ROOT + "\n".join(lines), timeout=FOLDERS_TIMEOUT)


def join(host: Host, role: Literal["manager", "worker"], address: str) -> None:
    """Run the join script on the host; the token goes from manager to workers over the share only.

    The script gets no place to note a membership: it leaves no swarm that the host is in.
    """
    script = (
        f"exec python3 - {role} --address {address} --timeout {JOIN_TIMEOUT} "
        f"--token-file {host.share}/{layout.RECORD}"
    )
    host.run(script, timeout=JOIN_TIMEOUT + JOIN_MARGIN, stdin=JOIN.read_bytes())


def leave(worker: Host, nodes: Sequence[str]) -> None:
    """Have a worker leave if it is one of these nodes: never another swarm.

    One that is not reached is left as it is, with a word on how to end it there.
    """
    script = (
        "node=$(docker info --format '{{.Swarm.NodeID}}') && "
        f'case " {" ".join(nodes)} " in *" ${{node:-none}} "*) '
        "docker swarm leave;; esac"
    )
    try:
        worker.run(script, timeout=LEAVE_TIMEOUT)
    except ssh.UnreachableError as problem:
        # Standard output is what the engine shows of a provider.
        print(f"{worker.url} could not be told to leave the swarm ({problem}).", flush=True)
        print(
            f"When it is back: {ssh.login_line(worker.identity, worker.url)} docker swarm leave", flush=True
        )


def dissolve(manager: Host, workers: Sequence[Host], *, keep_data: bool) -> None:
    """End the services, then the workers' membership, then the swarm; with ``keep_data`` its data stay.

    A manager that has no swarm any more is no error.
    """
    volumes: list[str] = []
    if manager.info(".Swarm.ControlAvailable") == "true":
        volumes = _end_services(manager)
        nodes = manager.docker("node ls --format '{{.ID}}'").split()
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(lambda worker: leave(worker, nodes), workers))
        manager.run("docker swarm leave --force", timeout=LEAVE_TIMEOUT)
    record = f"{manager.share}/{layout.RECORD}"
    forget = f"rm -f {record}; rmdir $(dirname {record}) 2>/dev/null || true"
    manager.run(forget, timeout=FOLDERS_TIMEOUT)
    if not keep_data:
        if volumes:
            manager.run(f"docker volume rm -f {' '.join(volumes)}", timeout=REMOVE_TIMEOUT)
        folders = " ".join(f"{manager.share}/{name}" for name in (*layout.UIDS, layout.CONFIGURATION))
        manager.run(f"{AS_ROOT}$root rm -rf {folders}", timeout=REMOVE_TIMEOUT)


def _end_services(manager: Host) -> list[str]:
    """Remove all services, give those on the manager time to stop, and return their volumes' names."""
    services = manager.docker("service ls -q").replace("\n", " ")
    if not services:
        return []
    volumes = manager.docker(f"service inspect --format '{VOLUMES}' {services}").split()
    manager.docker(f"service rm {services}")

    def ended() -> bool | None:
        running = manager.docker("ps -q --filter label=com.docker.swarm.service.name")
        return None if running else True

    with contextlib.suppress(NotReadyError):  # leaving the swarm ends what is left of them
        until("the services' containers to end", ended, timeout=STOP_TIMEOUT)
    return volumes
