"""Faults that pass by themselves: a process or container is frozen and thaws, one connection stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from runtime import names
from runtime.messaging.broker import HEARTBEAT_SECONDS
from testing.cluster import Cluster
from tests.e2e.chaos.places import containers, worker

Strike = Callable[[Cluster, Random], str]

SHORT_FREEZE = (3.0, 20.0)  # seconds
LONG_FREEZE = (names.DEFAULT_LEASE_SECONDS + 3.0, names.DEFAULT_LEASE_SECONDS + 12.0)
SHORT_STALL = (3.0, HEARTBEAT_SECONDS * 0.7)
LONG_STALL = (2 * HEARTBEAT_SECONDS + 2.0, 2 * HEARTBEAT_SECONDS + 15.0)

JVM = "-x java"
CONSUMER = "-f '[r]untime.consumer'"
GATEWAY = "-f '[r]untime.gateway'"


def freeze_process(which: str, seconds: tuple[float, float]) -> Strike:
    """Stop the processes of a worker that pkill finds by WHICH. They may have been replaced meanwhile."""

    def strike(cluster: Cluster, chance: Random) -> str:
        node, pause = worker(cluster, chance), chance.uniform(*seconds)
        cluster.on_node(node, f"pkill -STOP {which}")
        time.sleep(pause)
        cluster.on_node(node, f"pkill -CONT {which} || true")
        return f"{node}, {pause:.0f} s"

    return strike


def freeze_container(service: str, seconds: tuple[float, float]) -> Strike:
    """Pause all processes of a container. The swarm may have replaced it meanwhile."""

    def strike(cluster: Cluster, chance: Random) -> str:
        node = worker(cluster, chance) if service == names.WMGR_SERVICE else "manager"
        pause = chance.uniform(*seconds)
        paused = cluster.on_node(node, f"docker pause {containers(service)}").split()
        time.sleep(pause)
        cluster.on_node(node, f"docker unpause {' '.join(paused)} || true")
        return f"{node}, {pause:.0f} s"

    return strike


def stall_connection(seconds: tuple[float, float]) -> Strike:
    """Let no packet of one of a worker's connections to the broker through, in either direction."""

    def strike(cluster: Cluster, chance: Random) -> str:
        node, pause = worker(cluster, chance), chance.uniform(*seconds)
        form = "'{{.State.Pid}}'"
        process = cluster.on_node(
            node, f"docker inspect --format {form} {containers(names.WMGR_SERVICE)}"
        ).split()[0]
        inside = f"nsenter --net=/proc/{process}/ns/net"
        listed = cluster.on_node(
            node, f"{inside} ss -Htn state established 'dport = :{names.AMQP_PORT}'"
        ).splitlines()
        port = chance.choice(sorted(line.split()[2].rpartition(":")[2] for line in listed))
        rules = (
            f"OUTPUT -p tcp --sport {port} --dport {names.AMQP_PORT} -j DROP",
            f"INPUT -p tcp --sport {names.AMQP_PORT} --dport {port} -j DROP",
        )
        cluster.on_node(node, " && ".join(f"{inside} iptables -I {rule}" for rule in rules))
        time.sleep(pause)
        # The container may be gone, and its rules with it.
        cluster.on_node(node, f"{' ; '.join(f'{inside} iptables -D {rule}' for rule in rules)} ; true")
        return f"{node}, port {port}, {pause:.0f} s"

    return strike
