"""Waits until a service's tasks run. If they do not, the error has the messages of the tasks."""

from __future__ import annotations

import time
from typing import Any

from docker.errors import APIError

from .connection import Daemon
from .convert import nanoseconds
from .resource import Log
from .values import Properties

POLL_INTERVAL = 1.0  # seconds
UPDATE_DELAY = 2.0  # seconds at least, for the swarm to note that an update has begun
LOG_LINES = 15
FAILED_STATES = ("failed", "rejected", "orphaned")
FAILED_UPDATES = ("paused", "rollback_completed", "rollback_paused")


class NotConvergedError(RuntimeError):
    """The service's tasks do not run; the message says which and why."""


def await_created(daemon: Daemon, id: str, config: Properties | None, log: Log) -> None:
    if config is not None:
        _await(daemon, id, config, nanoseconds(config["delay"]) / 1e9, log)


def await_updated(daemon: Daemon, id: str, config: Properties | None, log: Log) -> None:
    if config is not None:
        _await(daemon, id, config, max(UPDATE_DELAY, nanoseconds(config["delay"]) / 1e9), log)


def _await(daemon: Daemon, id: str, config: Properties, delay: float, log: Log) -> None:
    deadline = time.monotonic() + delay + nanoseconds(config["timeout"]) / 1e9
    daemon.pause(delay)
    seen: set[str] = set()
    while True:
        service = daemon.api.inspect_service(id)
        update = service.get("UpdateStatus") or {}
        if update.get("State") in FAILED_UPDATES:
            raise NotConvergedError(
                _report(daemon, service, f"update {update['State']}: {update.get('Message', '')}")
            )
        wanted = service["Spec"]["Mode"]["Replicated"]["Replicas"]
        running = _running(daemon, id)
        log(f"{len(running)} of {wanted} tasks run")
        # The same tasks have to run twice: a task that keeps failing runs for a moment each time.
        if len(running) == wanted and running == seen and update.get("State", "completed") == "completed":
            return
        if time.monotonic() > deadline:
            count = f"{len(running)} of {wanted} tasks run"
            raise NotConvergedError(
                _report(daemon, service, f"did not converge after {config['timeout']}: {count}")
            )
        seen = running
        daemon.pause(POLL_INTERVAL)


def _running(daemon: Daemon, id: str) -> set[str]:
    """The tasks that run and are meant to run, on nodes that are up."""
    tasks = daemon.api.tasks({"service": id, "desired-state": "running"})
    down = {node["ID"] for node in daemon.api.nodes() if node["Status"]["State"] == "down"}
    return {
        task["ID"] for task in tasks if task["Status"]["State"] == "running" and task["NodeID"] not in down
    }


def _report(daemon: Daemon, service: dict[str, Any], what: str) -> str:
    name = service["Spec"]["Name"]
    nodes = {node["ID"]: node["Description"]["Hostname"] for node in daemon.api.nodes()}
    latest: dict[int, dict[str, Any]] = {}  # of each slot, the last task that says why it does not run
    for task in sorted(daemon.api.tasks({"service": service["ID"]}), key=lambda task: task["CreatedAt"]):
        if task["Status"]["State"] in FAILED_STATES or task["Status"].get("Err"):
            latest[task.get("Slot", 0)] = task
    lines = [f"service {name} {what}"]
    for slot, task in sorted(latest.items()):
        status = task["Status"]
        node = nodes.get(task.get("NodeID", ""), "no node")
        lines.append(
            f"  task {name}.{slot} ({task['ID']}) on {node}: {status['State']}: {status.get('Err', '')}"
        )
    if written := _last_lines(daemon, service["ID"]):
        lines += ["  its containers wrote last:", *(f"    {line}" for line in written)]
    return "\n".join(lines)


def _last_lines(daemon: Daemon, id: str) -> list[str]:
    try:
        output = daemon.api.service_logs(id, stdout=True, stderr=True, tail=str(LOG_LINES), is_tty=False)
        return b"".join(output).decode(errors="replace").splitlines()[-LOG_LINES:]
    except APIError:
        return []  # a log driver that cannot be read
