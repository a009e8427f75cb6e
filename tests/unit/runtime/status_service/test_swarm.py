"""Facts that differ from the ones before are changes, each recorded once."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pika

from runtime.machine import seen
from runtime.messaging.announcements import Touched
from runtime.messaging.facts import Node, Service, Swarm, Task, clock_offset
from runtime.status_service.changes import KEPT, Change, Changes
from runtime.status_service.metrics import render
from runtime.status_service.swarm import changes

NODE = Node(
    id="n1",
    name="worker1",
    role="worker",
    availability="active",
    state="ready",
    address="10.0.0.1",
    leader=False,
    processors=2.0,
    memory=1024,
    engine="27.1",
)
SERVICE = Service(id="s1", name="oodt-wmgr", image="oodt:1", replicas=2, declared="a", updated=5.0)
TASK = Task(
    id="t1",
    service="oodt-wmgr",
    slot=1,
    node="worker1",
    container="0123",
    state="running",
    wanted="running",
    error="",
    since=3.0,
)
BEFORE = Swarm(at=10.0, nodes=(NODE,), services=(SERVICE,), tasks=(TASK,))


def told(found: Iterable[Change]) -> list[tuple[str, str]]:
    return [(each.subject, each.what) for each in found]


def test_nothing_has_changed_if_only_time_has_passed() -> None:
    assert not list(changes(BEFORE, replace(BEFORE, at=12.0)))


def test_a_node_that_goes_down_is_drained_or_leaves_is_a_change() -> None:
    down = replace(NODE, state="down", availability="drain")
    assert told(changes(BEFORE, replace(BEFORE, nodes=(down,)))) == [
        ("worker1", "state: ready, now down"),
        ("worker1", "availability: active, now drain"),
    ]
    assert told(changes(BEFORE, replace(BEFORE, nodes=()))) == [("worker1", "has left the swarm")]
    assert told(changes(replace(BEFORE, nodes=()), BEFORE)) == [("worker1", "has joined the swarm as worker")]


def test_a_service_that_is_scaled_deployed_made_or_removed_is_a_change() -> None:
    scaled = replace(SERVICE, replicas=4, image="oodt:2", declared="b")
    assert told(changes(BEFORE, replace(BEFORE, services=(scaled,)))) == [
        ("oodt-wmgr", "scaled from 2 to 4 containers"),
        ("oodt-wmgr", "deployed with image oodt:2"),
    ]
    redeclared = replace(SERVICE, declared="b")
    assert told(changes(BEFORE, replace(BEFORE, services=(redeclared,)))) == [
        ("oodt-wmgr", "deployed with another declaration, same image")
    ]
    assert told(changes(BEFORE, replace(BEFORE, services=()))) == [("oodt-wmgr", "was removed")]


def test_a_container_that_ends_by_itself_is_one_change_however_often_it_is_told(tmp_path: Path) -> None:
    ended = replace(TASK, state="failed", error="task: non-zero exit (137)")
    after = replace(BEFORE, tasks=(ended,))
    store = Changes(tmp_path / "history.sqlite")
    for before in (BEFORE, after, None):
        store.add(changes(before, after), swarm=after)
    (found,) = store.listed({}, limit=10)
    assert (found["kind"], found["subject"]) == ("container", "oodt-wmgr")
    assert found["what"] == "a container on worker1 ended (failed: task: non-zero exit (137))"
    store.close()


def test_what_was_seen_last_outlives_a_restart(tmp_path: Path) -> None:
    store = Changes(tmp_path / "history.sqlite")
    assert store.swarm() is None
    store.add([], swarm=BEFORE)
    store.close()
    again = Changes(tmp_path / "history.sqlite")
    assert again.swarm() == BEFORE
    again.close()


def test_changes_are_listed_by_what_they_are_about_and_by_pages(tmp_path: Path) -> None:
    store = Changes(tmp_path / "history.sqlite")
    store.add(
        Change(
            at=number,
            kind="action",
            subject="edit",
            what="",
            who="ann",
            event="e",
            jobs=(Touched(job=f"{number}", before={"A": "1", "B": None}),),
        )
        for number in range(3)
    )
    store.add([Change(at=9.0, kind="node", subject="worker1", what="")])
    newest, *_ = store.listed({}, limit=1)
    assert newest["kind"] == "node"
    page = store.listed({"kind": "action"}, limit=2, before=newest["number"])
    assert [each["at"] for each in page] == [2.0, 1.0]
    (found,) = store.of_job("e", "1")
    assert (found["at"], found["who"], found["before"]) == (1.0, "ann", {"A": "1", "B": None})
    store.close()


def test_the_oldest_changes_are_forgotten(tmp_path: Path) -> None:
    store = Changes(tmp_path / "history.sqlite")
    store.add(Change(at=number, kind="node", subject="n", what="") for number in range(KEPT + 5))
    found = store.listed({}, limit=2 * KEPT)
    assert (len(found), found[-1]["at"]) == (KEPT, 5.0)
    store.close()


def test_a_machine_has_less_free_than_it_has(tmp_path: Path) -> None:
    machine = seen("worker1", tmp_path)
    assert 0 < machine.memory_free < machine.memory
    assert 0 <= machine.disk_free < machine.disk
    assert machine.share is not None and machine.share_free is not None
    assert seen("worker1").share is None


def test_a_clock_is_compared_with_the_brokers() -> None:
    machine = replace(seen("worker1"), at=1_800_000_003.5)
    stamped = pika.BasicProperties(headers={"timestamp_in_ms": 1_800_000_000_000})
    assert clock_offset(machine, stamped) == 3.5
    assert clock_offset(machine, pika.BasicProperties()) is None


def test_prometheus_hears_of_the_swarm_only_while_it_is_known() -> None:
    machine: dict[str, Any] = {"fresh": True, "memory": 8, "memory_free": 2, "load": 0.5}
    nodes = [
        {"name": "n1", "availability": "drain", "machine": machine},
        {"name": "n2", "availability": "active", "machine": {**machine, "fresh": False}},
    ]
    services = [{"name": "s", "replicas": 2, "running": 1}]
    view = {"fresh": True, "nodes": nodes, "services": services, "certificates": [], "secrets": []}
    lines = render(None, {}, {}, swarm=view).decode().splitlines()
    for line in (
        'oodt_node_drained{node="n1"} 1.0',
        'oodt_node_drained{node="n2"} 0.0',
        'oodt_node_memory_bytes{kind="free",node="n1"} 2.0',
        'oodt_service_containers{service="s",state="running"} 1.0',
    ):
        assert line in lines
    assert not any('oodt_node_load{node="n2"' in line for line in lines)
    unknown = render(None, {}, {}, swarm={**view, "fresh": False}).decode()
    assert "oodt_swarm_known 0.0" in unknown and "oodt_node_drained{" not in unknown
