"""When a service counts as converged or crashing, given what docker shows of it and its tasks."""

from __future__ import annotations

from typing import Any

import pytest

from infra import ssh
from services import convergence
from services.convergence import ConvergedProvider, ServiceError, converged

CONTAINER = {"Image": "oodt@sha256:new", "Env": ["A=1"]}


def service(replicas: int = 2) -> dict[str, Any]:
    template = {
        "ContainerSpec": {**CONTAINER, "StopGracePeriod": 10},
        "Runtime": "container",
        "ForceUpdate": 0,
    }
    return {"Spec": {"TaskTemplate": template, "Mode": {"Replicated": {"Replicas": replicas}}}}


def task(state: str = "running", desired: str = "running", **container: str) -> dict[str, Any]:
    spec = {
        "ContainerSpec": {**CONTAINER, **container},
        "ForceUpdate": 0,
        "Placement": {"Platforms": ["old"]},
    }
    return {"DesiredState": desired, "Status": {"State": state}, "Spec": spec}


def test_a_service_is_converged_when_all_replicas_run_by_the_newest_declaration() -> None:
    assert converged(service(), [task(), task(), task("failed", "shutdown")])


def test_a_task_that_is_not_healthy_yet_is_waited_for() -> None:
    assert not converged(service(), [task(), task("starting")])


def test_a_task_of_an_older_declaration_is_waited_for() -> None:
    assert not converged(service(), [task(), task(Image="oodt@sha256:old")])


def test_a_task_too_many_is_waited_for() -> None:
    assert not converged(service(1), [task(), task()])


class Swarm:
    """Docker's API as far as one service needs it."""

    def __init__(self, tasks: list[dict[str, Any]]) -> None:
        self.tasks = tasks

    def __enter__(self) -> Swarm:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, filters: dict[str, list[str]] | None = None) -> Any:
        if path == "/services/oodt-wmgr":
            return {**service(), "UpdatedAt": "2"}
        assert (path, filters) == ("/tasks", {"service": ["oodt-wmgr"]})
        return self.tasks


def logs(_identity: object, _host: str, command: str) -> str:
    return f"log of {command.split()[-2]}\n"


def ended(state: str, created: str = "3") -> dict[str, Any]:
    status = {"State": state, "Message": "finished", "ContainerStatus": {"ContainerID": "c"}}
    return {**task(state, "shutdown"), "Status": status, "CreatedAt": created}


def failure(tasks: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the wait for a service with these tasks says in the end."""
    swarm = Swarm([{**each, "ID": name} for name, each in tasks.items()])
    monkeypatch.setattr(convergence, "DockerApi", lambda *_: swarm)
    monkeypatch.setattr(ssh, "docker", logs)
    monkeypatch.setattr(ConvergedProvider, "limit", 0.1)
    monkeypatch.setattr(convergence, "INTERVAL", 0.01)
    with pytest.raises(ServiceError) as caught:
        ConvergedProvider().create(
            {"service": "oodt-wmgr", "folder": "", "docker_host": "ssh://root@manager"}
        )
    return str(caught.value)


@pytest.mark.parametrize("state", ["failed", "rejected", "complete"])
def test_a_service_whose_tasks_end_by_themselves_is_crashing(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    tasks = {name: ended(state) for name in ("t1", "t2", "t3")}
    assert "service oodt-wmgr: 3 tasks failed" in failure(tasks, monkeypatch)


def test_tasks_from_before_the_update_do_not_count_as_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = {name: ended("complete", created="1") for name in ("t1", "t2", "t3")}
    assert "not ready within" in failure(tasks, monkeypatch)


def test_the_report_ends_with_the_logs_of_the_newest_crashed_tasks_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = {f"t{number}": ended("complete", str(number)) for number in (3, 4, 5)}
    report = failure({"healthy": task() | {"CreatedAt": "6"}, **tasks}, monkeypatch)
    assert [line for line in report.splitlines() if line.startswith("log of")] == ["log of t4", "log of t5"]


def test_a_service_that_is_not_ready_in_time_tells_of_the_tasks_that_do_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pending = {**task("pending"), "CreatedAt": "3", "Status": {"State": "pending", "Err": "no suitable node"}}
    report = failure({"healthy": task() | {"CreatedAt": "3"}, "waiting": pending}, monkeypatch)
    assert "a task is pending: no suitable node" in report
    assert "log of" not in report


def test_a_swarm_that_is_too_busy_for_an_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [ssh.RemoteError("manager: docker: rpc error: code = DeadlineExceeded"), ssh.UnreachableError("x")]

    class BusySwarm(Swarm):
        def get(self, path: str, filters: dict[str, list[str]] | None = None) -> Any:
            if busy:
                raise busy.pop()
            return super().get(path, filters)

    props = {"service": "oodt-wmgr", "folder": "", "docker_host": "ssh://root@manager"}
    monkeypatch.setattr(convergence, "DockerApi", lambda *_: BusySwarm([task(), task()]))
    monkeypatch.setattr(convergence, "INTERVAL", 0.01)
    assert ConvergedProvider().create(props).id == "oodt-wmgr"
    assert busy == []


def test_a_swarm_that_never_answers_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class SilentSwarm(Swarm):
        def get(self, path: str, filters: dict[str, list[str]] | None = None) -> Any:
            raise ssh.RemoteError("manager: docker: the swarm does not have a leader")

    props = {"service": "oodt-wmgr", "folder": "", "docker_host": "ssh://root@manager"}
    monkeypatch.setattr(convergence, "DockerApi", lambda *_: SilentSwarm([]))
    monkeypatch.setattr(convergence, "INTERVAL", 0.01)
    monkeypatch.setattr(ConvergedProvider, "limit", 0.1)
    with pytest.raises(ssh.RemoteError, match="does not have a leader"):
        ConvergedProvider().create(props)
