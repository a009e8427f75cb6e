"""Faults that strike a cluster: chance draws where each strikes, and it is over when its function returns."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from runtime import names
from runtime.messaging.broker import HEARTBEAT_SECONDS
from testing.cluster import Cluster
from tests.e2e.chaos.pauses import (
    CONSUMER,
    GATEWAY,
    JVM,
    LONG_FREEZE,
    LONG_STALL,
    SHORT_FREEZE,
    SHORT_STALL,
    Strike,
    freeze_container,
    freeze_process,
    stall_connection,
)
from tests.e2e.chaos.places import SHARE, containers, worker

CUT_SECONDS = 3 * HEARTBEAT_SECONDS + 5
FULL_SECONDS = 15
ROOM_FOR_BOOKS = 64  # MiB
AWAY_SECONDS = (2.0, 20.0)  # how long a killed node stays down
DOCKER_TIMEOUT = 60  # seconds
INGEST_TIMEOUT = 60  # seconds until one begins
MID_INGEST = Path(__file__).with_name("mid_ingest.py")


@dataclass(frozen=True)
class Trouble:
    """``strike`` returns what it has hit."""

    name: str
    strike: Strike


def kill_jvm(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, f"pkill -KILL {JVM}")


def kill_consumer(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, f"pkill -KILL {CONSUMER}")


def kill_gateway(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, f"pkill -KILL {GATEWAY}")


def kill_container(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, f"docker kill -s KILL {containers(names.WMGR_SERVICE)}")


def kill_node(cluster: Cluster, chance: Random) -> str:
    node = worker(cluster, chance)
    for action in ("kill", "start"):
        line = ["docker", action, f"{cluster.prefix}-{node}"]
        subprocess.run(line, check=True, capture_output=True, timeout=DOCKER_TIMEOUT)
        if action == "kill":
            time.sleep(chance.uniform(*AWAY_SECONDS))
    return node


def kill_file_manager(cluster: Cluster, _: Random) -> str:
    return _on_manager(cluster, f"docker kill -s KILL {containers(names.FILEMGR_SERVICE)}")


def kill_broker(cluster: Cluster, _: Random) -> str:
    return _on_manager(cluster, f"docker kill -s KILL {containers(names.RABBITMQ_SERVICE)}")


def restart_broker(cluster: Cluster, _: Random) -> str:
    """The swarm starts another container instead of the stopped one."""
    return _on_manager(cluster, f"docker stop {containers(names.RABBITMQ_SERVICE)}")


def cut_network(cluster: Cluster, chance: Random) -> str:
    """Drop a worker's traffic through the overlay network; its swarm membership stays."""
    node = worker(cluster, chance)
    chains = ("INPUT", "OUTPUT")
    for chain in chains:
        cluster.on_node(node, f"iptables -I {chain} -p udp --dport 4789 -j DROP")
    time.sleep(CUT_SECONDS)
    for chain in chains:
        cluster.on_node(node, f"iptables -D {chain} -p udp --dport 4789 -j DROP")
    return node


def fill_share(cluster: Cluster, _: Random) -> str:
    """Leave no free byte on the share, which has to be a disk of its own."""
    free = f"$(df --output=avail --block-size=1M {SHARE} | tail -n 1)"
    # The file system needs some blocks for its own records, so the last ones are filled by writing.
    most = f"fallocate -l $(({free} - {ROOM_FOR_BOOKS}))M {SHARE}/.full"
    cluster.on_node("manager", f"{most} && ! cat /dev/zero 2>/dev/null >{SHARE}/.rest")
    time.sleep(FULL_SECONDS)
    cluster.on_node("manager", f"rm {SHARE}/.full {SHARE}/.rest")
    return "share"


def kill_file_manager_in_mid_ingest(cluster: Cluster, _: Random) -> str:
    process = cluster.on_node("manager", "pgrep -x java").strip()
    line = f"python3 -c {shlex.quote(MID_INGEST.read_text())} {SHARE}/ledger {process} {INGEST_TIMEOUT}"
    return f"its record ends with: {cluster.on_node('manager', line).strip()}"


WITHOUT_WAITING = (
    Trouble("Workflow Manager's JVM killed", kill_jvm),
    Trouble("consumer killed", kill_consumer),
    Trouble("RabbitMQ killed", kill_broker),
)
KILLS = (
    *WITHOUT_WAITING,
    Trouble("gateway killed", kill_gateway),
    Trouble("Workflow Manager's container killed", kill_container),
    Trouble("worker node killed and started", kill_node),
    Trouble("File Manager killed", kill_file_manager),
    Trouble("File Manager killed in mid-ingest", kill_file_manager_in_mid_ingest),
    Trouble("RabbitMQ restarted", restart_broker),
    Trouble(f"worker cut off for {CUT_SECONDS} s", cut_network),
    Trouble(f"share full for {FULL_SECONDS} s", fill_share),
)
STALLS = (
    Trouble("connection stalled, shorter than the heartbeat", stall_connection(SHORT_STALL)),
    Trouble("connection stalled, longer than the heartbeat", stall_connection(LONG_STALL)),
)


def all_of(chance: Random) -> tuple[Trouble, ...]:
    """All troubles. Two of the freezes are longer than the lease."""
    times = [SHORT_FREEZE, SHORT_FREEZE, LONG_FREEZE, LONG_FREEZE]
    chance.shuffle(times)
    consumer, gateway, jvm, container = times
    freezes = (
        Trouble("consumer frozen", freeze_process(CONSUMER, consumer)),
        Trouble("gateway frozen", freeze_process(GATEWAY, gateway)),
        Trouble("Workflow Manager's JVM frozen", freeze_process(JVM, jvm)),
        Trouble("Workflow Manager's container frozen", freeze_container(names.WMGR_SERVICE, container)),
        Trouble("File Manager frozen", freeze_container(names.FILEMGR_SERVICE, SHORT_FREEZE)),
    )
    return (*KILLS, *STALLS, *freezes)


def _on_worker(cluster: Cluster, chance: Random, command: str) -> str:
    node = worker(cluster, chance)
    cluster.on_node(node, command)
    return node


def _on_manager(cluster: Cluster, command: str) -> str:
    cluster.on_node("manager", command)
    return "manager"
