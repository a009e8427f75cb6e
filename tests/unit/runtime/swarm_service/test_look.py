"""What docker answers becomes facts, which survive the way over the broker."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from runtime.messaging.facts import decode
from runtime.swarm_service.aging import Aging
from runtime.swarm_service.engine import Engine, EngineDown
from runtime.swarm_service.look import look, swarm

NOW = 1_800_000_000.0
STAMP = "2027-01-15T07:59:00.123456789Z"  # less than an hour before


def node(name: str, **spec: str) -> dict[str, Any]:
    return {
        "ID": f"id-{name}",
        "Spec": {"Role": "worker", "Availability": "active", **spec},
        "Description": {
            "Hostname": name,
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 1024},
            "Engine": {"EngineVersion": "27.1"},
        },
        "Status": {"State": "ready", "Addr": "10.0.0.1"},
    }


def service(replicas: int = 2) -> dict[str, Any]:
    return {
        "ID": "s1",
        "UpdatedAt": STAMP,
        "Spec": {
            "Name": "oodt-wmgr",
            "TaskTemplate": {
                "ContainerSpec": {"Image": "oodt@sha256:1"},
                "Resources": {"Limits": {"MemoryBytes": 1024, "NanoCPUs": 1_500_000_000}},
            },
            "Mode": {"Replicated": {"Replicas": replicas}},
        },
    }


def task(name: str, state: str, *, stamp: str = STAMP, **status: Any) -> dict[str, Any]:
    return {
        "ID": name,
        "ServiceID": "s1",
        "NodeID": "id-worker1",
        "Slot": 1,
        "DesiredState": "running",
        "Status": {"State": state, "Timestamp": stamp, **status},
    }


def test_nodes_services_and_containers_have_dockers_words() -> None:
    manager = {**node("manager", Role="manager"), "ManagerStatus": {"Leader": True}}
    running = task("t1", "running", ContainerStatus={"ContainerID": "0123456789abcdef"})
    seen = swarm([node("worker1", Availability="drain"), manager], [service()], [running], now=NOW)
    assert [(each.name, each.role, each.availability, each.leader) for each in seen.nodes] == [
        ("manager", "manager", "active", True),
        ("worker1", "worker", "drain", False),
    ]
    assert (seen.nodes[0].processors, seen.nodes[0].memory, seen.nodes[0].engine) == (2.0, 1024, "27.1")
    (found,) = seen.tasks
    assert (found.service, found.node, found.container) == ("oodt-wmgr", "worker1", "0123456789ab")
    assert round(found.since) == 1_799_999_940
    assert (seen.services[0].replicas, seen.services[0].image) == (2, "oodt@sha256:1")
    assert (seen.services[0].memory, seen.services[0].processors) == (1024, 1.5)
    assert decode(json.dumps(asdict(seen)).encode()) == seen


def test_a_container_that_ended_by_itself_is_told_of_for_an_hour_and_one_that_was_stopped_is_not() -> None:
    tasks = [
        task("t1", "failed", Err="task: non-zero exit (137)"),
        task("t2", "failed", stamp="2027-01-15T06:00:00Z"),
        task("t3", "shutdown"),
    ]
    assert [each.id for each in swarm([], [], tasks, now=NOW).tasks] == ["t1"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b"no JSON", b'{"at": 1, "nodes": [{}]}', b'{"disk": 1}'])
def test_what_is_no_fact_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a fact"):
        decode(body)


def ask(socket: Path, handler: Any) -> Any:
    """What `look` makes of a docker that answers in this way."""

    async def talk() -> Any:
        application = web.Application()
        application.router.add_get("/v1.41/{what}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(socket)).start()
            async with Engine(str(socket)) as engine:
                return await look(engine, Aging(engine))
        finally:
            await runner.cleanup()

    return asyncio.run(talk())


def test_docker_is_asked_at_its_socket(tmp_path: Path) -> None:
    answers: dict[str, Any] = {"nodes": [node("worker1")], "services": [service()], "tasks": []}

    async def answer(request: web.Request) -> web.Response:
        what = request.match_info["what"]
        return web.json_response(answers.get(what, {"message": "no"}), status=200 if what in answers else 500)

    for more in ({}, {"swarm": {"TLSInfo": {"TrustRoot": ""}}, "secrets": []}):
        answers |= more
        seen = ask(tmp_path / "docker.sock", answer)
        assert [each.name for each in seen.nodes] == ["worker1"]
        assert seen.certificates == seen.secrets == ()


def test_a_docker_that_is_no_manager_is_quoted(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"message": "This node is not a swarm manager."}, status=503)

    with pytest.raises(EngineDown, match="This node is not a swarm manager"):
        ask(tmp_path / "docker.sock", refuse)


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def talk() -> None:
        async with Engine(str(tmp_path / "none.sock")) as engine:
            await look(engine, Aging(engine))

    with pytest.raises(EngineDown, match=r"none\.sock"):
        asyncio.run(talk())
