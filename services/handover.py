"""Who still takes jobs after an update: containers that are to stop, until they have heard of it.

Docker calls a service updated once the old containers have been told to stop. Until such a container has
cancelled its subscriptions at the broker, it takes jobs and runs them on the old workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runtime import names

# Of a container's id, in the host name that docker gives it.
HOST_NAME_DIGITS = 12
ENDED = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")
# A docker command on the manager.
CONSUMERS = (
    f"exec {names.container_of(names.RABBITMQ_SERVICE)} rabbitmqctl --silent list_consumers consumer_tag"
)


def stopping(tasks: Iterable[Mapping[str, Any]]) -> list[str]:
    """The host names of containers that run and are to stop."""
    containers = [
        task["Status"].get("ContainerStatus", {}).get("ContainerID", "")
        for task in tasks
        if task["DesiredState"] != "running" and task["Status"]["State"] not in ENDED
    ]
    return [container[:HOST_NAME_DIGITS] for container in containers if container]


def taking(hosts: Sequence[str], consumers: str) -> list[str]:
    """Which of these hosts take jobs, given what CONSUMERS has printed: tags that begin with a host name."""
    found = {line.partition(".")[0] for line in consumers.splitlines()}
    return [host for host in hosts if host in found]
