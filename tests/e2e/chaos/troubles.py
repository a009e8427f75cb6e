"""Faults that strike a cluster: chance draws where each strikes, and it is over when its function returns."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from runtime import names
from runtime.messaging.broker import HEARTBEAT_SECONDS
from testing.cluster import Cluster

CUT_SECONDS = 3 * HEARTBEAT_SECONDS + 5
FULL_SECONDS = 15
ROOM_FOR_BOOKS = 64  # MiB
AWAY_SECONDS = (2.0, 20.0)  # how long a killed node stays down
DOCKER_TIMEOUT = 60  # seconds
SHARE = "/shared-data"


@dataclass(frozen=True)
class Trouble:
    """``strike`` returns what it has hit."""

    name: str
    strike: Callable[[Cluster, Random], str]


def kill_jvm(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, "pkill -KILL -x java")


def kill_consumer(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, "pkill -KILL -f '[r]untime.consumer'")


def kill_gateway(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, "pkill -KILL -f '[r]untime.gateway'")


def kill_container(cluster: Cluster, chance: Random) -> str:
    return _on_worker(cluster, chance, f"docker kill -s KILL {_containers(names.WMGR_SERVICE)}")


def kill_node(cluster: Cluster, chance: Random) -> str:
    node = _worker(cluster, chance)
    for action in ("kill", "start"):
        line = ["docker", action, f"{cluster.prefix}-{node}"]
        subprocess.run(line, check=True, capture_output=True, timeout=DOCKER_TIMEOUT)
        if action == "kill":
            time.sleep(chance.uniform(*AWAY_SECONDS))
    return node


def kill_file_manager(cluster: Cluster, _: Random) -> str:
    return _on_manager(cluster, f"docker kill -s KILL {_containers(names.FILEMGR_SERVICE)}")


def kill_broker(cluster: Cluster, _: Random) -> str:
    return _on_manager(cluster, f"docker kill -s KILL {_containers(names.RABBITMQ_SERVICE)}")


def restart_broker(cluster: Cluster, _: Random) -> str:
    """The swarm starts another container instead of the stopped one."""
    return _on_manager(cluster, f"docker stop {_containers(names.RABBITMQ_SERVICE)}")


def cut_network(cluster: Cluster, chance: Random) -> str:
    """Drop a worker's traffic through the overlay network; its swarm membership stays."""
    node = _worker(cluster, chance)
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


WITHOUT_WAITING = (
    Trouble("Workflow Manager's JVM killed", kill_jvm),
    Trouble("consumer killed", kill_consumer),
    Trouble("RabbitMQ killed", kill_broker),
)
ALL = (
    *WITHOUT_WAITING,
    Trouble("gateway killed", kill_gateway),
    Trouble("Workflow Manager's container killed", kill_container),
    Trouble("worker node killed and started", kill_node),
    Trouble("File Manager killed", kill_file_manager),
    Trouble("RabbitMQ restarted", restart_broker),
    Trouble(f"worker cut off for {CUT_SECONDS} s", cut_network),
    Trouble(f"share full for {FULL_SECONDS} s", fill_share),
)


def _worker(cluster: Cluster, chance: Random) -> str:
    """A worker that has a Workflow Manager; after the loss of a node it may be the only one."""
    return chance.choice(sorted(set(cluster.tasks(names.WMGR_SERVICE).values())))


def _on_worker(cluster: Cluster, chance: Random, command: str) -> str:
    node = _worker(cluster, chance)
    cluster.on_node(node, command)
    return node


def _on_manager(cluster: Cluster, command: str) -> str:
    cluster.on_node("manager", command)
    return "manager"


def _containers(service: str) -> str:
    return f"$(docker ps -q --filter name={service})"
