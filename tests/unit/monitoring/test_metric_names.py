"""Alarms and dashboard name metrics that our processes expose, and no other; all have one naming scheme."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from runtime.messaging.facts import Machine
from runtime.proxy import metrics as _gateway  # noqa: F401
from runtime.status_service.disks import Disk, DisksNow
from runtime.status_service.management import EventQueues, Node, Snapshot
from runtime.status_service.metrics import render
from runtime.status_service.swarm import NodeNow
from runtime.worker import metrics as _consumer  # noqa: F401

ROOT = Path(__file__).parents[3]
ALARMS = ROOT / "images/prometheus/alarms.yml"
DASHBOARD = ROOT / "docs/monitoring/grafana.json"
MACHINE = Machine(node="n", at=1.0, disk=2, disk_free=1, memory=2, memory_free=1, load=0.0)
NODE = NodeNow(name="n", up=True, machine=MACHINE, offset=0.0)
SWARM = {
    "fresh": True,
    "nodes": [{"name": "n", "availability": "active", "machine": {**asdict(MACHINE), "fresh": True}}],
    "services": [{"name": "s", "replicas": 1, "running": 1}],
    "certificates": [{"name": "c", "begins": 1.0, "ends": 2.0}],
    "secrets": [{"name": "s", "generated": True, "made": 1.0}],
}
# Prometheus's own, of each target and alarm.
OF_PROMETHEUS = {"up", "ALERTS"}
NAME = re.compile(r"\b(?:oodt_\w+|process_\w+|python_\w+|up|ALERTS)\b(?=[\s{\[)*/,]|$)")
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def exposed() -> set[str]:
    queue = EventQueues(event="e", queued=0, taken=0, retrying=0, dead=0, counted=True, consumers=1)
    snapshot = Snapshot(queues=(queue,), nodes=(Node(node="n", consumers=1, slots=1, busy=0),))
    disks = DisksNow(told=[Disk(place="share", size=2, free=1)])
    status = render(snapshot, {"e": {}}, {"e": {}}, disks, [NODE], swarm=SWARM)
    text = (status + generate_latest()).decode()
    types = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE)
    return {f"{name}{suffix}" for name, kind in types for suffix in SUFFIXES.get(kind, ())}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALARMS.read_text())["groups"] for rule in group["rules"]]


def expressions(value: Any) -> Iterator[str]:
    """All of a dashboard, however deep."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in {"expr", "query"} and isinstance(each, str):
                yield each
            yield from expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)


def test_each_metric_of_an_alarm_is_exposed() -> None:
    for rule in rules():
        names = set(NAME.findall(rule["expr"]))
        assert names and names <= exposed() | OF_PROMETHEUS, rule["alert"]


def test_each_metric_of_the_dashboard_is_exposed_and_it_shows_all_of_ours() -> None:
    named = {name for each in expressions(json.loads(DASHBOARD.read_text())) for name in NAME.findall(each)}
    assert named <= exposed() | OF_PROMETHEUS
    ours = {
        name
        for name in exposed()
        if name.startswith("oodt_") and not name.endswith(("_created", "_sum", "_count"))
    }
    assert ours <= named


def test_all_of_our_metrics_have_one_scheme() -> None:
    """oodt, what it is about, and the unit or `total` at the end."""
    ours = {name for name in exposed() if name.startswith("oodt_")}
    assert all(re.fullmatch(r"oodt(_[a-z]+)+", name) for name in ours)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alarm_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Oodt") and rule["labels"]["severity"] in {"warning", "critical"}
    assert len(rule["annotations"]["summary"]) < 80 and len(rule["annotations"]["description"]) > 40
