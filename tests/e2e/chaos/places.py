"""Places of a cluster: a worker drawn by chance, the containers of a service, the share."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from runtime import names
from testing.cluster import Cluster

SHARE = "/shared-data"  # on each node


def worker(cluster: Cluster, chance: Random) -> str:
    """A worker that has a Workflow Manager; after the loss of a node it may be the only one."""
    return chance.choice(sorted(set(cluster.tasks(names.WMGR_SERVICE).values())))


def containers(service: str) -> str:
    """The containers of a service on a node, for the node's shell."""
    return f"$(docker ps -q --filter name={service})"


def rabbitmq(cluster: Cluster, command: str) -> list[dict[str, Any]]:
    """What rabbitmqctl answers in the broker's container; nothing while there is none."""
    line = f"docker exec {containers(names.RABBITMQ_SERVICE)} rabbitmqctl --quiet --formatter json {command}"
    try:
        rows: list[dict[str, Any]] = json.loads(cluster.manager(line, check=False))
    except ValueError:
        return []
    return rows
