"""Waiting until a service runs as it was declared, and saying why it does not.

The docker provider's own converge_config waits its full time for a service that crashes at every start, and
then names only the service's id. This wait ends at the third crash and shows what the container wrote last.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from infra import patience, ssh
from infra.docker_api import DockerApi
from infra.dynamic import Props, Provider
from infra.ssh import Identity
from infra.waiting import Wait
from services import handover

CONVERGE_TIMEOUT = 300  # seconds
INTERVAL = 0.5  # seconds between two looks
CRASHES = 3  # failed tasks of one service; waiting longer does not help then
# A service's container runs until docker stops it: one that ends by itself with exit code 0 has crashed too.
ENDED_BY_ITSELF = ("complete", "failed", "rejected")
SHOWN_TASKS = 2
SHOWN_LINES = 30  # of each task's log


class ServiceError(RuntimeError):
    """A service that does not run as declared; the message says which, why, and what its containers wrote."""


class ConvergedProvider(Provider):
    """Waits for a service after it is created and after each change of its declaration."""

    updated_by = ("service", "declaration")
    limit = CONVERGE_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Raises ServiceError, and RemoteError where docker does not answer to the end."""
        name = props["service"]
        wait = Wait(f"service {name}", self.limit)
        with DockerApi(self.identity(props), props["docker_host"]) as docker_api:
            while True:
                try:
                    service = docker_api.get(f"/services/{name}")
                    tasks = docker_api.get("/tasks", {"service": [name]})
                except ssh.RemoteError as unanswered:  # a busy swarm gives up an answer
                    if wait.is_over:
                        raise
                    wait.show(str(unanswered))
                    time.sleep(INTERVAL)
                    continue
                remains = self._remains(props, tasks) if converged(service, tasks) else None
                if remains == "":
                    return name, props
                crashed = [task for task in tasks if _crashed_since(service, task)]
                if len(crashed) >= CRASHES:
                    raise ServiceError(self._report(props, f"{len(crashed)} tasks failed", crashed))
                waited_for = crashed or [task for task in tasks if task["DesiredState"] == "running"]
                if wait.is_over:
                    if remains:
                        raise ServiceError(f"service {name}: {remains}; type `pulumi up` again to wait on")
                    problem = f"not ready within {wait.limit:g} s ({patience.ADVICE})"
                    raise ServiceError(self._report(props, problem, waited_for))
                wait.show(remains or _seen(service, waited_for))
                time.sleep(INTERVAL)

    def _remains(self, props: Props, tasks: Sequence[dict[str, Any]]) -> str:
        """What is still to be waited for when the new tasks run: old ones that take jobs. Empty if none does.

        What they have begun they finish, and that is not waited for.
        """
        leaving = handover.stopping(tasks) if props.get("takes_jobs") else []
        if not leaving:
            return ""
        try:
            taking = handover.taking(leaving, self.docker(props, handover.CONSUMERS))
        except ssh.RemoteError as problem:
            return f"the broker does not tell which containers take jobs: {problem}"
        return f"containers that are to stop still take jobs: {', '.join(taking)}" if taking else ""

    def _report(self, props: Props, problem: str, tasks: Sequence[dict[str, Any]]) -> str:
        """The problem, and of the newest of these tasks state, error and last words.

        Those of all tasks would hide them.
        """
        lines = [f"service {props['service']}: {problem}"]
        not_running = [task for task in tasks if task["Status"]["State"] != "running"]
        for task in sorted(not_running, key=lambda task: str(task["CreatedAt"]))[-SHOWN_TASKS:]:
            status = task["Status"]
            lines.append(f"  a task is {status['State']}: {status.get('Err') or status.get('Message', '')}")
            if status.get("ContainerStatus", {}).get("ContainerID"):
                lines.append(self._log(props, task["ID"]))
        return "\n".join(filter(None, lines))

    def _log(self, props: Props, task: str) -> str:
        command = f"service logs --raw --no-trunc --tail {SHOWN_LINES} {task} 2>&1"
        try:
            return self.docker(props, command).rstrip()
        except ssh.RemoteError as problem:
            return f"  its log cannot be read: {problem}"


class Converged(Resource, module="services", name="Converged"):
    """Ready when all replicas of a service run its newest declaration and are healthy.

    If it ``takes_jobs``, it is ready once no older task takes any. ``declaration`` is anything that changes
    when the service's declaration does.
    """

    def __init__(
        self,
        name: str,
        *,
        docker_host: pulumi.Input[str],
        identity: Identity,
        service: pulumi.Input[str],
        declaration: Mapping[str, Any],
        takes_jobs: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "docker_host": docker_host,
            "folder": identity.folder,
            "service": service,
            "declaration": declaration,
            "takes_jobs": takes_jobs,
        }
        super().__init__(ConvergedProvider(), name, props, opts)


def converged(service: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> bool:
    """Whether all replicas run the newest declaration. Docker calls a task running once it is healthy."""
    spec = service["Spec"]
    wanted = [task for task in tasks if task["DesiredState"] == "running"]
    running = [task for task in wanted if task["Status"]["State"] == "running"]
    current = [task for task in running if _is_current(service, task)]
    replicas: int = spec["Mode"]["Replicated"]["Replicas"]
    return len(wanted) == len(current) == replicas


def _seen(service: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> str:
    """How far the service is, in a line."""
    running = [task["Status"]["State"] == "running" for task in tasks].count(True)
    states = {f"{task['Status']['State']}: {task['Status'].get('Message', '')}" for task in tasks}
    wanted = service["Spec"]["Mode"]["Replicated"]["Replicas"]
    return f"{running} of {wanted} tasks run; {', '.join(sorted(states)) or 'no task yet'}"


def _is_current(service: dict[str, Any], task: dict[str, Any]) -> bool:
    """Whether a task runs the newest declaration; changes for which docker makes no new task do not count.

    A service shows defaults that its tasks leave out, and a task stays on a node that a new placement allows.
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
