"""Facts about the swarm, from what docker's API answers."""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from runtime.messaging.facts import Node, Service, Swarm, Task
from runtime.swarm_service.aging import Aging
from runtime.swarm_service.engine import Engine
from runtime.swarm_service.times import seconds

Answer = Mapping[str, Any]

# Docker keeps some ended tasks of each service. One that ended by itself is told of for so long.
TOLD_SECONDS = 3600.0
BY_ITSELF = {"complete", "failed", "rejected"}
ENDED = BY_ITSELF | {"shutdown", "orphaned", "remove"}


async def look(engine: Engine, aging: Aging) -> Swarm:
    """The swarm now; raises EngineDown."""
    nodes, services, tasks = await asyncio.gather(
        engine.get("/nodes"), engine.get("/services"), engine.get("/tasks")
    )
    certificates, secrets = await aging.look(nodes, services)
    seen = swarm(nodes, services, tasks, now=time.time())
    return replace(seen, certificates=certificates, secrets=secrets)


def swarm(
    nodes: Iterable[Answer], services: Iterable[Answer], tasks: Iterable[Answer], *, now: float
) -> Swarm:
    """The swarm, in an order that does not change."""
    known = sorted(map(_node, nodes), key=lambda node: node.name)
    declared = sorted(map(_service, services), key=lambda service: service.name)
    node_of = {node.id: node.name for node in known}
    service_of = {service.id: service.name for service in declared}
    found = [_task(each, node_of, service_of) for each in tasks]
    return Swarm(
        at=now,
        nodes=tuple(known),
        services=tuple(declared),
        tasks=tuple(
            sorted(
                (task for task in found if _is_told(task, now)),
                key=lambda task: (task.service, task.slot, task.since, task.id),
            )
        ),
    )


def _is_told(task: Task, now: float) -> bool:
    return task.state not in ENDED or (task.state in BY_ITSELF and now - task.since < TOLD_SECONDS)


def _node(answer: Answer) -> Node:
    spec, about, status = answer["Spec"], answer["Description"], answer["Status"]
    resources = about.get("Resources") or {}
    return Node(
        id=answer["ID"],
        name=about["Hostname"],
        role=spec["Role"],
        availability=spec["Availability"],
        state=status["State"],
        address=status.get("Addr", ""),
        leader=bool((answer.get("ManagerStatus") or {}).get("Leader")),
        processors=resources.get("NanoCPUs", 0) / 1e9,
        memory=resources.get("MemoryBytes", 0),
        engine=(about.get("Engine") or {}).get("EngineVersion", ""),
    )


def _service(answer: Answer) -> Service:
    spec = answer["Spec"]
    template = spec["TaskTemplate"]
    limits = (template.get("Resources") or {}).get("Limits") or {}
    return Service(
        id=answer["ID"],
        name=spec["Name"],
        image=(template.get("ContainerSpec") or {}).get("Image", ""),
        replicas=((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas", 0),
        declared=hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:12],
        updated=seconds(answer.get("UpdatedAt")),
        memory=limits.get("MemoryBytes") or None,
        processors=limits.get("NanoCPUs", 0) / 1e9 or None,
    )


def _task(answer: Answer, node_of: Mapping[str, str], service_of: Mapping[str, str]) -> Task:
    status = answer["Status"]
    service = answer.get("ServiceID", "")
    node = answer.get("NodeID", "")
    return Task(
        id=answer["ID"],
        service=service_of.get(service, service),
        slot=answer.get("Slot", 0),
        node=node_of.get(node, node),
        container=(status.get("ContainerStatus") or {}).get("ContainerID", "")[:12],
        state=status["State"],
        wanted=answer.get("DesiredState", ""),
        error=status.get("Err", ""),
        since=seconds(status.get("Timestamp")),
    )
