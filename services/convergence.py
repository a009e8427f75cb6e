"""Waiting until a service runs as it was declared, and saying why it does not.

The docker provider's own converge_config waits its whole time for a service that crashes at every start, and
then tells only the service's id; this gate stops at the third crash and shows what the container said last.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_docker as docker
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from infra import ssh
from infra.docker_api import DockerApi
from infra.ssh import Identity

CONVERGE_TIMEOUT = 300  # seconds
INTERVAL = 0.5  # seconds between two looks
CRASHES = 3  # failed tasks of one service after which waiting longer would not help
# A service's container is to run until it is told to stop: also one that ended with 0 has crashed.
ENDED_BY_ITSELF = ("complete", "failed", "rejected")
SHOWN_TASKS = 2
SHOWN_LINES = 30  # of each task's log


class ServiceError(RuntimeError):
    """A service that does not run as declared; the message says which, why, and what its containers said."""


class ConvergedProvider(ResourceProvider):
    """Waits for a service when it was made and whenever its declaration has changed. Raises ServiceError."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        _wait(props)
        return CreateResult(props["service"], props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=any(olds.get(key) != news[key] for key in ("service", "declaration")))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _wait(news)
        return UpdateResult(news)


class Converged(Resource, module="services", name="Converged"):
    """Done when the tasks of a service run, healthy, by its newest declaration, as many as it declares.

    ``declared`` is the service itself, for what can wait for its tasks in ways of its own; ``declaration`` is
    anything that changes when the service's declaration does.
    """

    declared: docker.Service

    def __init__(
        self,
        name: str,
        *,
        docker_host: pulumi.Input[str],
        identity: Identity,
        service: docker.Service,
        declaration: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "docker_host": docker_host,
            "folder": identity.folder,
            "service": service.name,
            "declaration": declaration,
        }
        super().__init__(ConvergedProvider(), name, props, opts)
        self.declared = service


def _wait(props: dict[str, Any]) -> None:
    name = props["service"]
    deadline = time.time() + CONVERGE_TIMEOUT
    with DockerApi(Identity(folder=props["folder"]), props["docker_host"]) as docker_api:
        while True:
            service = docker_api.get(f"/services/{name}")
            tasks = docker_api.get("/tasks", {"service": [name]})
            if converged(service, tasks):
                return
            crashed = [task for task in tasks if _crashed_since(service, task)]
            if len(crashed) >= CRASHES:
                raise ServiceError(_report(props, f"{len(crashed)} tasks failed", crashed))
            if time.time() > deadline:
                waited_for = crashed or [task for task in tasks if task["DesiredState"] == "running"]
                raise ServiceError(_report(props, f"not ready within {CONVERGE_TIMEOUT} s", waited_for))
            time.sleep(INTERVAL)


def converged(service: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> bool:
    """Whether all replicas run by the newest declaration; docker calls a task running once it is healthy."""
    spec = service["Spec"]
    wanted = [task for task in tasks if task["DesiredState"] == "running"]
    running = [task for task in wanted if task["Status"]["State"] == "running"]
    current = [task for task in running if _is_current(service, task)]
    replicas: int = spec["Mode"]["Replicated"]["Replicas"]
    return len(wanted) == len(current) == replicas


def _is_current(service: dict[str, Any], task: dict[str, Any]) -> bool:
    """Whether a task is of the newest declaration, as far as docker makes a new task for a change.

    A service shows defaults that its tasks leave out, and a task stays where a new placement allows it too.
    """
    made_from = {part: value for part, value in task["Spec"].items() if part != "Placement"}
    return _covers(service["Spec"]["TaskTemplate"], made_from)


def _covers(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _covers(whole[key], value) for key, value in part.items())
    return bool(whole == part)


def _crashed_since(service: dict[str, Any], task: dict[str, Any]) -> bool:
    return (
        task["Status"]["State"] in ENDED_BY_ITSELF
        and _is_current(service, task)
        and task["CreatedAt"] >= service["UpdatedAt"]
    )


def _report(props: dict[str, Any], problem: str, tasks: Sequence[dict[str, Any]]) -> str:
    """The problem, and of the newest of these tasks state, error and last words: others' would hide them."""
    lines = [f"service {props['service']}: {problem}"]
    not_running = [task for task in tasks if task["Status"]["State"] != "running"]
    for task in sorted(not_running, key=lambda task: str(task["CreatedAt"]))[-SHOWN_TASKS:]:
        status = task["Status"]
        lines.append(f"  a task is {status['State']}: {status.get('Err') or status.get('Message', '')}")
        if status.get("ContainerStatus", {}).get("ContainerID"):
            lines.append(_log(props, task["ID"]))
    return "\n".join(filter(None, lines))


def _log(props: dict[str, Any], task: str) -> str:
    command = f"service logs --raw --no-trunc --tail {SHOWN_LINES} {task} 2>&1"
    try:
        return ssh.docker(Identity(folder=props["folder"]), props["docker_host"], command).rstrip()
    except ssh.RemoteError as problem:
        return f"  its log cannot be read: {problem}"
