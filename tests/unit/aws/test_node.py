"""What nodes do when one of them leaves: notices, drains, and removal from the swarm."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from infra.aws.node import manager as manager_module
from infra.aws.node import metadata, unhealthy
from infra.aws.node import worker as worker_module
from infra.aws.node.manager import Manager
from infra.aws.node.worker import UNFIT, Worker
from infra.node import join


class Docker:
    """The manager's docker: nodes, the states of their tasks, and what was asked."""

    def __init__(self, **nodes: str) -> None:
        self.nodes = {name: node(name, state) for name, state in nodes.items()}
        self.tasks: list[str] = []
        self.calls: list[str] = []

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if path == "/nodes":
            return list(self.nodes.values())
        if path.startswith("/tasks"):
            return [{"Status": {"State": state}} for state in self.tasks]
        self.calls.append(f"{method} {path}")
        name = path.split("/")[2].partition("?")[0]
        if method == "DELETE":
            del self.nodes[name]
        elif body:
            self.nodes[name]["Spec"] = body
        return None


def node(name: str, state: str) -> dict[str, Any]:
    return {
        "ID": name,
        "Version": {"Index": 7},
        "Spec": {"Availability": "active", "Role": "worker", "Labels": {}},
        "Status": {"State": state},
        "Description": {"Hostname": name},
    }


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    arguments = argparse.Namespace(requests=str(tmp_path), group="workers", hook="drain", region="us-west-2")
    found = Manager(arguments)
    monkeypatch.setattr(found, "release", lambda instance: (tmp_path / f"{instance}.released").touch())
    found.autoscaling = Group()
    return found


class Group:
    """The workers' Auto Scaling group: which instances it was asked to keep."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def record_lifecycle_action_heartbeat(self, **asked: str) -> None:
        self.kept.append(asked["InstanceId"])


def request(folder: Path, name: str) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"instance": f"i-{name}"}))
    return file


def test_a_worker_is_released_only_when_nothing_runs_on_it(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(one="ready", two="ready")
    monkeypatch.setattr(join, "docker", docker)
    file = request(tmp_path, "one")
    docker.tasks = ["running", "shutdown"]
    manager.look()
    manager.look()
    assert docker.calls == ["POST /nodes/one/update?version=7"]
    assert docker.nodes["one"]["Spec"]["Availability"] == "drain"
    assert file.exists()
    docker.tasks = ["complete", "shutdown"]
    manager.look()
    assert not file.exists()
    assert (tmp_path / "i-one.released").exists()
    assert docker.nodes["two"]["Spec"]["Availability"] == "active"


def test_the_group_is_asked_to_keep_a_worker_for_as_long_as_its_jobs_run(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(one="ready")
    monkeypatch.setattr(join, "docker", docker)
    request(tmp_path, "one")
    docker.tasks = ["running"]
    for _ in range(3):
        manager.look()
    assert manager.autoscaling.kept == ["i-one"]
    manager.kept["i-one"] -= manager_module.HEARTBEAT_INTERVAL
    manager.look()
    docker.tasks = ["complete"]
    manager.look()
    assert manager.autoscaling.kept == ["i-one"] * 2


def test_a_request_is_answered_once_aws_can_be_reached_again(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker, reached = Docker(w1="ready"), False
    monkeypatch.setattr(join, "docker", docker)
    (tmp_path / "w1.json").write_text('{"instance": "i-1"}')
    release = manager.release

    def unreachable(instance: str) -> None:
        if not reached:
            raise EndpointConnectionError(endpoint_url="https://autoscaling")
        release(instance)

    monkeypatch.setattr(manager, "release", unreachable)
    for _ in range(2):
        manager.watch()
    assert (tmp_path / "w1.json").exists()
    reached = True
    manager.watch()
    assert not (tmp_path / "w1.json").exists()
    assert (tmp_path / "i-1.released").exists()


def test_a_worker_waits_for_its_drain_without_limit_until_it_shuts_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker.__new__(Worker)
    worker.requests, worker.membership, worker.patience = tmp_path, tmp_path / "membership", 0.0
    worker.membership.touch()
    calls: list[str] = []
    monkeypatch.setattr(join, "docker", lambda _, path: calls.append(path))
    monkeypatch.setattr(join, "swarm_state", lambda: {"NodeID": "one"})
    monkeypatch.setattr(metadata, "get", lambda _: "i-one")
    stopping = threading.Event()
    leaving = threading.Thread(target=worker.leave, args=("it goes", stopping))
    leaving.start()
    leaving.join(1.5)
    assert leaving.is_alive()
    assert calls == []
    stopping.set()
    leaving.join(10)
    assert calls == ["/swarm/leave?force=true"]


class Record:
    """The record of a manager that listens if ``port`` does; None: there is no record."""

    def __init__(self, port: int | None) -> None:
        self.port = port

    def read(self) -> dict[str, str] | None:
        return None if self.port is None else {"swarm": "one", "address": f"127.0.0.1:{self.port}"}


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def shutting_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker with much patience that is told to stop, and whose drain nobody gives."""
    worker = Worker.__new__(Worker)
    worker.requests, worker.membership, worker.patience = tmp_path, tmp_path / "membership", 600.0
    worker.record = {}
    worker.membership.touch()
    monkeypatch.setattr(join, "docker", lambda _, path: path)
    monkeypatch.setattr(join, "swarm_state", lambda: {"NodeID": "one"})
    monkeypatch.setattr(metadata, "get", lambda _: "i-one")
    monkeypatch.setattr(worker_module, "DRAIN_INTERVAL", 0.05)
    return worker


def leaving(worker: Worker) -> threading.Thread:
    stopping = threading.Event()
    stopping.set()
    thread = threading.Thread(target=worker.leave, args=("it shuts down", stopping), daemon=True)
    thread.start()
    return thread


def test_a_worker_that_shuts_down_while_its_stack_is_destroyed_leaves_at_once(shutting_down: Worker) -> None:
    shutting_down.store = Record(None)  # type: ignore[assignment]
    leaving(shutting_down).join(5)
    assert not shutting_down.membership.exists()


def test_a_worker_that_shuts_down_waits_for_a_manager_that_is_there_and_not_for_a_dead_one(
    shutting_down: Worker, listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SILENCE_LIMIT", 0.5)
    record = Record(listening)
    shutting_down.store = record  # type: ignore[assignment]
    thread = leaving(shutting_down)
    thread.join(1.5)
    assert thread.is_alive()
    record.port = 1  # nobody listens there
    thread.join(10)
    assert not shutting_down.membership.exists()


@pytest.mark.parametrize(("there", "code"), [(True, UNFIT), (False, "join: gave up")])
def test_a_worker_that_cannot_join_is_unfit_only_if_its_manager_is_there(
    there: bool, code: object, shutting_down: Worker, listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any) -> None:
        raise SystemExit("join: gave up")

    monkeypatch.setattr(join, "work", work)
    shutting_down.store = Record(listening if there else 1)  # type: ignore[assignment]
    shutting_down.address = "10.0.0.7"
    with pytest.raises(SystemExit) as ended:
        shutting_down.join()
    assert ended.value.code == code


@pytest.mark.parametrize("known", [True, False])
def test_a_worker_that_gives_up_is_unhealthy_or_stops(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its group replaces an instance in both cases; here AWS knows it, or AWS is not to be reached."""
    asked: list[dict[str, Any]] = []
    ran: list[list[str]] = []

    class Client:
        def set_instance_health(self, **arguments: Any) -> None:
            if not known:
                raise OSError("no route")
            asked.append(arguments)

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())
    monkeypatch.setattr(metadata, "get", lambda _: "i-one")
    monkeypatch.setattr(subprocess, "run", lambda line, **_: ran.append(line))
    monkeypatch.setattr(sys, "argv", ["unhealthy", "--region", "us-west-2"])
    unhealthy.main()
    if known:
        assert (asked[0]["InstanceId"], asked[0]["HealthStatus"]) == ("i-one", "Unhealthy")
        assert ran == []
    else:
        assert ran == [["systemctl", "poweroff", "--no-block"]]


def test_a_drain_request_of_a_node_that_has_gone_is_answered(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "docker", Docker())
    file = request(tmp_path, "gone")
    manager.look()
    assert not file.exists()
    assert (tmp_path / "i-gone.released").exists()


def test_a_node_that_is_down_is_removed_after_a_while_and_one_that_left_at_once(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(left="down", crashed="down")
    docker.nodes["left"]["Spec"]["Labels"] = {manager_module.LEAVING: "true"}
    monkeypatch.setattr(join, "docker", docker)
    manager.look()
    assert set(docker.nodes) == {"crashed"}
    manager.down_since["crashed"] -= manager_module.FORGET_AFTER + 1
    manager.look()
    assert not docker.nodes


def test_a_request_on_a_share_that_is_gone_does_not_count_as_answered(tmp_path: Path) -> None:
    requests = tmp_path / "share" / ".swarm"
    requests.mkdir(parents=True)
    worker = Worker.__new__(Worker)
    worker.requests = requests
    file = request(requests, "one")
    assert not worker.drained(file)
    file.unlink()
    assert worker.drained(file)
    requests.rmdir()
    assert not worker.drained(file)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, None),
        ({"autoscaling/target-lifecycle-state": "InService"}, None),
        ({"autoscaling/target-lifecycle-state": "Terminated"}, "its Auto Scaling group terminates it"),
        ({"spot/instance-action": '{"action": "terminate"}'}, "its spot capacity is taken back"),
    ],
)
def test_a_worker_notices_that_it_will_be_terminated(
    known: dict[str, str], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "get", known.get)
    assert metadata.farewell() == reason
