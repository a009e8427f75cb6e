"""Commands on hosts, over ssh, that make them nodes and that have them leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import patience, ssh
from infra.hosts import layout
from infra.ssh import Identity
from infra.swarm import Role

JOIN = Path(__file__).resolve().parents[1] / "node" / "join.py"
JOIN_TIMEOUT = 120  # seconds that the join script has
JOIN_MARGIN = 30  # seconds for the connection, and for the script to say that it gave up
LEAVE_TIMEOUT = 60

# A docker that is in no swarm names no cluster.
CLUSTER = "{{with .Swarm.Cluster}}{{.ID}}{{end}}"
# A worker knows its swarm by the swarm's managers only.
MEMBER_OF = "{{.Swarm.NodeID}} {{range .Swarm.RemoteManagers}}{{.NodeID}} {{end}}"


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

    def cluster(self) -> str:
        """Id of the swarm that the host manages, or empty."""
        return self.docker(f"info --format '{CLUSTER}'")

    def node(self) -> str:
        """What the host is called in its swarm."""
        return self.docker("info --format '{{.Swarm.NodeID}}'")

    @property
    def login(self) -> str:
        """What a person types to log in there."""
        return ssh.login_line(self.identity, self.url)


def join(host: Host, role: Role, address: str, pool: str = "") -> None:
    """Run the join script on the host; the token goes from manager to workers over the share only.

    A manager gives the networks of a new swarm addresses from ``pool``.
    The script gets no file to note a membership in: so it never leaves a swarm that the host is in.
    """
    networks = f"--pool {pool} " if pool else ""
    limit = patience.stretched(JOIN_TIMEOUT)
    script = (
        f"exec python3 - {role} --address {address} {networks}--timeout {limit:g} "
        f"--token-file {host.share}/{layout.RECORD}"
    )
    host.run(script, timeout=JOIN_TIMEOUT + JOIN_MARGIN, stdin=JOIN.read_bytes())


def leave(worker: Host, nodes: Sequence[str]) -> bool:
    """Have a worker leave if it or its manager is one of these nodes: never another swarm.

    False if it is not reached: it stays a node, and a message says how to have it leave later.
    """
    script = (
        f"known=$(docker info --format '{MEMBER_OF}') && for node in $known; do "
        f'case " {" ".join(nodes)} " in *" $node "*) docker swarm leave; exit;; esac; done'
    )
    try:
        worker.run(script, timeout=LEAVE_TIMEOUT)
    except ssh.UnreachableError as problem:
        # Standard output is what the engine shows of a provider.
        print(f"{worker.url} could not be told to leave the swarm ({problem}).", flush=True)
        print(f"When it is back: {worker.login} docker swarm leave", flush=True)
        return False
    return True
