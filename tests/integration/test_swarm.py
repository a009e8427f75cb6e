"""From docker's socket to the API and back, with a real broker: facts, changes, a drained worker."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from runtime.swarm_service.__main__ import SwarmSettings, watch
from testing.commands import command
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Worker
from tests.integration.status import Status

FACT_SECONDS = 5  # a fact is known within these
STOP_SECONDS = 30


class Docker:
    """A docker with a swarm of a manager and a worker, and the swarm service that looks at it."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self.nodes = {"manager": self._node("manager", "manager"), "node1": self._node("node1", "worker")}
        self.replicas = 2
        self._settings = SwarmSettings(
            broker_url=broker_url,
            node="manager",
            socket=str(folder / "docker.sock"),
            looked=folder / "looked",
        )
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._main()))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    async def _main(self) -> None:
        application = web.Application()
        application.router.add_get("/v1.41/{what}", self._answer)
        application.router.add_post("/v1.41/nodes/{id}/update", self._update)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.UnixSite(runner, self._settings.socket).start()
            await watch(self._settings, self._stop)
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        spec: dict[str, Any] = {"Name": "oodt-wmgr", "Mode": {"Replicated": {"Replicas": self.replicas}}}
        secret = {"File": {"Name": "/run/secrets/status_token"}, "SecretID": "k"}
        spec["TaskTemplate"] = {"ContainerSpec": {"Secrets": [secret]}}
        task = {"ID": "t", "ServiceID": "s", "NodeID": "id-node1", "Slot": 1, "DesiredState": "running"}
        answers: dict[str, Any] = {
            "nodes": list(self.nodes.values()),
            "services": [{"ID": "s", "UpdatedAt": "2027-01-15T08:00:00Z", "Spec": spec}],
            "swarm": {"TLSInfo": {"TrustRoot": ""}},
            "secrets": [{"ID": "k", "CreatedAt": "2026-01-15T08:00:00Z"}],
            "tasks": [{**task, "Status": {"State": "running", "Timestamp": "2027-01-15T08:00:00Z"}}],
        }
        return web.json_response(answers[request.match_info["what"]])

    async def _update(self, request: web.Request) -> web.Response:
        name = request.match_info["id"].removeprefix("id-")
        assert request.query["version"] == "7"
        self.nodes[name] = {**self.nodes[name], "Spec": await request.json()}
        return web.Response()

    def _node(self, name: str, role: str) -> dict[str, Any]:
        return {
            "ID": f"id-{name}",
            "Version": {"Index": 7},
            "Spec": {"Role": role, "Availability": "active", "Labels": {"kept": "yes"}},
            "Description": {"Hostname": name},
            "Status": {"State": "ready"},
        }


@pytest.fixture
def docker(tmp_path: Path, vhost: VirtualHost) -> Iterator[Docker]:
    made = Docker(tmp_path, vhost.url)
    made.start()
    yield made
    made.stop()


def nodes(status: Status) -> dict[str, Any]:
    return {node["name"]: node for node in status.get("swarm")["nodes"]}


def whats(status: Status) -> list[str]:
    return [change["what"] for change in status.get("changes")["changes"]]


def test_the_swarm_is_known_with_its_machines_within_seconds(
    worker: Worker, status: Status, docker: Docker
) -> None:
    until(lambda: "node1" in nodes(status), seconds=2 * FACT_SECONDS, what="the first facts")
    until(lambda: nodes(status)["node1"]["machine"], seconds=FACT_SECONDS, what="the worker's machine")
    node = nodes(status)["node1"]
    assert (node["role"], node["state"], len(node["containers"])) == ("worker", "ready", 1)
    assert 0 < node["machine"]["disk_free"] <= node["machine"]["disk"]
    assert abs(node["machine"]["clock_offset"]) < 2
    text = status.request("GET", "/metrics", token=None)[1]
    assert 'oodt_node_up{node="node1"} 1.0' in text
    assert 'oodt_service_containers{service="oodt-wmgr",state="wanted"} 2.0' in text
    assert 'oodt_secret_made_timestamp_seconds{kind="generated",secret="status-token"} 1.7684' in text

    docker.nodes["node1"]["Status"] = {"State": "down"}
    until(lambda: nodes(status)["node1"]["state"] == "down", seconds=FACT_SECONDS, what="the node to be down")
    assert whats(status) == ["state: ready, now down"]
    shown = command("status", status.commands, "--nodes")
    assert shown.code == 0, shown.stderr
    assert "down" in shown.stdout and "oodt-wmgr" in shown.stdout


def test_what_changes_while_the_status_service_is_away_is_recorded_when_it_is_back(
    status: Status, docker: Docker
) -> None:
    until(lambda: nodes(status), seconds=2 * FACT_SECONDS, what="the first facts")
    status.stop()
    docker.replicas = 4
    status.start()
    until(lambda: whats(status), seconds=2 * FACT_SECONDS, what="the change")
    assert whats(status) == ["scaled from 2 to 4 containers"]


def test_a_worker_is_drained_and_let_in_again_and_no_manager_is(
    worker: Worker, status: Status, docker: Docker
) -> None:
    until(lambda: "node1" in nodes(status), seconds=2 * FACT_SECONDS, what="the first facts")
    planned = command("drain", status.commands, "node1", "--dry-run")
    assert planned.code == 0, planned.stderr
    assert "1 containers leave node node1 once the 0 jobs there have ended" in planned.stdout
    assert docker.nodes["node1"]["Spec"]["Availability"] == "active"

    drained = command("drain", status.commands, "node1", "--json")
    assert (drained.code, drained.result["done"]) == (0, True), drained.stderr
    assert docker.nodes["node1"]["Spec"] == {
        "Role": "worker",
        "Availability": "drain",
        "Labels": {"kept": "yes"},
    }
    assert nodes(status)["node1"]["availability"] == "drain"
    assert 'oodt_node_drained{node="node1"} 1.0' in status.request("GET", "/metrics", token=None)[1]
    undrained = command("undrain", status.commands, "node1")
    assert undrained.code == 0, undrained.stderr
    assert "docker service update --force --detach oodt-wmgr" in undrained.stdout
    assert docker.nodes["node1"]["Spec"]["Availability"] == "active"
    who = [change["who"] for change in status.get("changes?kind=action")["changes"]]
    assert len(who) == 2 and all("@" in each for each in who)

    manager = command("drain", status.commands, "manager")
    assert (manager.code, "is a manager" in manager.stderr) == (2, True)
    unknown = command("drain", status.commands, "nowhere")
    assert (unknown.code, "no node nowhere is in the swarm: manager, node1" in unknown.stderr) == (2, True)


def test_without_a_swarm_service_a_drain_says_so(status: Status) -> None:
    refused = command("drain", status.commands, "node1")
    assert (refused.code, "none is known yet" in refused.stderr) == (2, True)
