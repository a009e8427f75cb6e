"""When a service counts as converged, given what docker shows of it and its tasks."""

from __future__ import annotations

from typing import Any

from services.convergence import converged

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
