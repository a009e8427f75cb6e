"""What the cluster needs from its hosts: ports, folders on the share, disk space, versions."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from infra.swarm import USUAL_MTU
from runtime import names

GIB = 1 << 30

PYTHON = (3, 9)  # what infra/node/join.py needs
DOCKER = (20, 10)
CLOCKS_APART = 5.0  # seconds; leases on jobs are held for 30
MANAGER_SPACE = 6 * GIB  # of docker: images are built and kept there
WORKER_SPACE = 3 * GIB
SHARE_SPACE = 1 * GIB
# Bytes of a packet between nodes: the usual size, those that tunnels leave of it, and the least that will do.
PACKETS = (USUAL_MTU, 1492, 1480, 1476, 1460, 1450, 1440, 1420, 1400, 1380, 1360, 1340, 1320, 1300, 1280)

# Folders of the share by the uid that writes to them; in images/oodt 1000 runs Workflow Managers and their
# jobs, 1001 keeps the ledger, which no other user reads. All belong to group 1000.
UIDS = {"archive": 1000, "jobs": 1000, "ledger": 1001}
PRIVATE = "ledger"
CONFIGURATION = "config"  # the operator's own: `pulumi up` puts copies of the workflows there
RECORD = ".swarm/token.json"  # token store of infra/node/join.py
NOTES = ".oodt-made"  # of what the cluster made and may remove: storage.py

# The stack's own in the swarm and on the manager's docker, where others may have services and volumes too.
SERVICES = (
    names.REGISTRY_SERVICE,
    names.RABBITMQ_SERVICE,
    names.FILEMGR_SERVICE,
    names.STATUS_SERVICE,
    names.SWARM_SERVICE,
    names.PROMETHEUS_SERVICE,
    names.WMGR_SERVICE,
)
VOLUMES = (
    names.REGISTRY_VOLUME,
    names.RABBITMQ_VOLUME,
    names.FILEMGR_VOLUME,
    names.STATUS_VOLUME,
    names.PROMETHEUS_VOLUME,
)

Port = tuple[str, int]  # protocol and number
EVERYWHERE = ("0.0.0.0", "::")  # where docker listens: a program at one of the host's addresses is in its way

SWARM_PORT: Port = ("tcp", 2377)
REGISTRY_PORT: Port = ("tcp", names.REGISTRY_PORT)
# Between all nodes: membership, and the overlay network's traffic.
OVERLAY_PORT: Port = ("udp", 4789)
NODE_PORTS: tuple[Port, ...] = (("tcp", 7946), ("udp", 7946), OVERLAY_PORT)
# Of these, docker answers at this one and at the swarm's once the host is a node.
MEMBERSHIP_PORT: Port = ("tcp", 7946)
# From every worker to the manager.
MANAGER_PORTS: tuple[Port, ...] = (SWARM_PORT, REGISTRY_PORT)


def owners(job_folders: Sequence[str]) -> dict[str, int]:
    """The folders with the uid that each belongs to; ``job_folders`` has the names of the workflows' own."""
    return {**UIDS, **{f"jobs/{name}": UIDS["jobs"] for name in job_folders}}


def service_ports(*, prometheus: bool) -> tuple[Port, ...]:
    """What the services publish on the manager: free there; the operator decides who reaches them."""
    ports = [names.AMQP_PORT, names.MANAGEMENT_PORT, names.FILEMGR_PORT, names.STATUS_PORT]
    return tuple(("tcp", port) for port in ports + [names.PROMETHEUS_PORT] * prometheus)


def registry(address: str) -> str:
    """What docker calls the cluster's registry."""
    return f"{address}:{names.REGISTRY_PORT}"


def making(name: str, share: str) -> str:
    """The shell command that makes one of the folders, or a folder in one of them, as root."""
    mode = "0700" if name == PRIVATE else "2775"
    return f"install -d -o {UIDS[name.partition('/')[0]]} -g 1000 -m {mode} {shlex.quote(f'{share}/{name}')}"
