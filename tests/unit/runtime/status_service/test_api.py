"""The API is what its document says, the page is held to itself, Prometheus gets its numbers."""

import http.client
import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from runtime.messaging.announcements import Announcement, Submission
from runtime.status_service import progress
from runtime.status_service.app import API, SUBJECTS, application
from runtime.status_service.console import overview as console_overview
from runtime.status_service.console.render import POLICY
from runtime.status_service.disks import Disk, DisksNow
from runtime.status_service.management import Node, Snapshot, event_queues, nodes
from runtime.status_service.metrics import render
from runtime.status_service.routes import service
from runtime.status_service.store import Store
from tests.unit.runtime.status_api import NoBroker, parts, served

ANSWER_SECONDS = 60


APPLICATION = application(parts(None, "t"))
OPENAPI = APPLICATION.openapi()


def routes() -> set[tuple[str, str]]:
    routers = [
        ("", console_overview.router),
        ("", service.router),
        *((API, subject.router) for subject in SUBJECTS),
    ]
    return {
        (method.lower(), prefix + route.path_format)
        for prefix, router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def test_every_route_is_in_the_document_and_no_other() -> None:
    assert routes() == {(method, path) for path, methods in OPENAPI["paths"].items() for method in methods}


def ask(
    folder: Path,
    method: str,
    path: str,
    *,
    authorization: bytes = b"Bearer t",
    history: Sequence[Announcement] = (),
) -> tuple[int, Any]:
    """Status and answer of the API, or the error if it is one."""
    store = Store(folder / "history.sqlite", keep=10)
    store.apply(history)
    with served(parts(store, "t")) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        connection.request(method, f"/api/v1/{path}", headers={"Authorization": authorization})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
    return answer.status, content.get("error", content)


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "jobs/e/a%0D%0Ab", 404, "no job a\r\nb of event e is known"),
        ("POST", "jobs/e/a%0Ab/cancel", 404, "no job a\nb of event e is known"),
        ("GET", "batches/a%0Ab", 404, "no batch a\nb is known"),
        ("GET", "jobs?limit=%0A", 400, "limit is '\\n': use a whole number"),
        ("GET", "nothing", 404, "Not Found"),
    ],
)
def test_what_is_not_known_is_said_whatever_its_name_holds(
    tmp_path: Path, method: str, path: str, status: int, error: str
) -> None:
    assert ask(tmp_path, method, path) == (status, error)


def test_a_batch_name_of_several_events_needs_the_event(tmp_path: Path) -> None:
    history = [Submission(batch="b", event=event, jobs=3) for event in ("one", "other")]
    status, error = ask(tmp_path, "GET", "batches/b", history=history)
    assert (status, error) == (400, "several events have a batch b: say which event, one or other")
    assert ask(tmp_path, "GET", "batches/b?event=other")[1]["event"] == "other"


@pytest.mark.parametrize(
    ("seconds", "depths", "interrupted"),
    [
        (0, {"e": 0, "e.dead": 2}, True),
        (0, {}, True),
        (60, {}, False),
        (0, {"e": 1, "e.dead": 0}, False),
        (0, None, False),
    ],
)
def test_a_submission_is_interrupted_if_nothing_comes_of_it_any_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    depths: dict[str, int] | None,
    interrupted: bool,
) -> None:
    """DEPTHS are those of the broker's queues; without any it is out of reach, and nobody knows."""

    async def depth(_: NoBroker, queue: str) -> int | None:
        assert depths is not None
        return depths.get(queue)

    if depths is not None:
        monkeypatch.setattr(NoBroker, "depth", depth)
    monkeypatch.setattr(progress, "SILENT_SECONDS", seconds)
    status, batch = ask(tmp_path, "GET", "batches/b", history=[Submission(batch="b", event="e", jobs=3)])
    assert (status, batch["interrupted"]) == (200, interrupted)


@pytest.mark.parametrize("token", [b"", b"Bearer", b"Bearer x", b"Bearer \xff", "Bearer é".encode()])
def test_without_the_token_nothing_is_told(tmp_path: Path, token: bytes) -> None:
    assert ask(tmp_path, "GET", "jobs", authorization=token)[0] == 401


def test_every_reference_of_the_document_leads_somewhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found: Any = OPENAPI
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(OPENAPI)


def test_only_what_holds_no_data_is_open_to_all() -> None:
    open_to_all = {
        path for path, methods in OPENAPI["paths"].items() if methods.get("get", {}).get("security") == []
    }
    assert open_to_all == {"/", "/openapi.json", "/healthz", "/metrics"}


def test_pages_have_no_outside_parts_and_their_policy_admits_only_the_services_own() -> None:
    folder = resources.files("runtime.status_service.console")
    pages = [each.read_text() for each in folder.joinpath("templates").iterdir()]
    script = folder.joinpath("static", "console.js").read_text()
    assert pages
    for text in (*pages, script):
        assert not re.search(r"https?://|innerHTML|\| *safe\b", text)
        assert not re.search(r"<script(?! src=\"/static/)|<style| style=| on[a-z]+=|(?:src|href)=\"//", text)
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")


def test_queues_are_gathered_by_event() -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "messages_ready": 5, "messages_unacknowledged": 2},
        {"name": "a.dead", "messages_ready": 1, "messages_unacknowledged": 1},
        {"name": "a.retry.5", "messages_ready": 3, "messages_unacknowledged": 0},
        {"name": "a.retry.20", "messages_ready": 4, "messages_unacknowledged": 0},
        {"name": "oodt.status", "messages_ready": 9, "messages_unacknowledged": 9},
        {"name": "b"},
        {"name": "b.dead"},
    ]
    a, b = event_queues(rows)
    assert (a.event, a.queued, a.taken, a.retrying, a.dead, a.counted) == ("a", 5, 2, 7, 2, True)
    assert (b.event, b.counted) == ("b", False)


def consumer(queue: str, connection: str, prefetch: int) -> dict[str, Any]:
    channel = {"name": f"{connection} (1)", "connection_name": connection, "peer_host": "10.0.0.9"}
    return {"queue": {"name": queue}, "prefetch_count": prefetch, "channel_details": channel}


def test_slots_are_those_of_all_consumers_of_a_node() -> None:
    consumers = [
        *(consumer("a", "c1", 4), consumer("b", "c1", 2), consumer("a", "c2", 4)),
        *(consumer("a", "c3", 1), consumer("oodt.status", "c4", 1000)),
    ]
    channels: list[dict[str, Any]] = [{"name": "c1 (1)", "messages_unacknowledged": 3}, {"name": "c2 (1)"}]
    connections: list[dict[str, Any]] = [
        {"name": "c1", "client_properties": {"connection_name": "node1 jobs"}},
        {"name": "c2", "client_properties": {"connection_name": "node1 jobs"}},
        {"name": "c4", "client_properties": {"connection_name": "oodt-status"}},
    ]
    foreign, node1 = nodes({"a", "b"}, consumers, channels, connections)
    assert foreign == Node(node="10.0.0.9", consumers=1, slots=1, busy=0)
    assert (node1.node, node1.consumers, node1.slots, node1.busy, node1.free) == ("node1", 2, 10, 3, 7)


def test_prometheus_gets_counters_histograms_and_the_brokers_numbers() -> None:
    [queue] = event_queues([{"name": "a", "messages_ready": 5}, {"name": "a.dead"}])
    snapshot = Snapshot(queues=(queue,), nodes=(Node(node="node1", consumers=1, slots=4, busy=1),))
    totals = {"a": {"succeeded": 7.0, "retrying": 2.0, "run:5": 3.0, "run:60": 1.0, "run:sum": 42.0}}
    text = render(snapshot, {"a": {"RUNNING": 1}}, totals).decode()
    for line in (
        "oodt_broker_up 1.0",
        'oodt_queue_messages{event="a",state="queued"} 5.0',
        'oodt_slots{node="node1",state="free"} 3.0',
        'oodt_jobs_running{event="a"} 1.0',
        'oodt_jobs_succeeded_total{event="a"} 7.0',
        'oodt_jobs_retries_total{event="a"} 2.0',
        'oodt_job_run_seconds_bucket{event="a",le="15"} 3.0',
        'oodt_job_run_seconds_bucket{event="a",le="+Inf"} 4.0',
        'oodt_job_run_seconds_sum{event="a"} 42.0',
    ):
        assert line in text.splitlines()


def test_prometheus_hears_which_disks_are_not_known() -> None:
    disks = DisksNow(told=[Disk(place="share", size=2, free=1)], silent=["catalogue"])
    lines = render(None, {}, {}, disks).decode().splitlines()
    assert {'oodt_disk_answers{place="share"} 1.0', 'oodt_disk_answers{place="catalogue"} 0.0'} <= set(lines)
    assert 'oodt_disk_bytes{kind="free",place="share"} 1.0' in lines
    assert not any(line.startswith("oodt_disk_bytes") and "catalogue" in line for line in lines)


def test_without_the_broker_the_history_is_told_all_the_same() -> None:
    text = render(None, {}, {"a": {"dead": 1.0}}).decode()
    assert "oodt_broker_up 0.0" in text
    assert 'oodt_jobs_dead_total{event="a"} 1.0' in text


@pytest.mark.parametrize("schema", ["Job", "Batch", "Overview", "Run"])
def test_every_field_that_is_required_is_described(schema: str) -> None:
    described = OPENAPI["components"]["schemas"][schema]
    assert set(described["required"]) <= set(described["properties"])
