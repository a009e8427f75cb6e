"""The tables that the status command shows of the swarm."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Answer = Mapping[str, Any]

UNKNOWN = "?"


def swarm(answer: Answer) -> RenderableType:
    nodes = _table(
        "nodes", "node", "role", "state", "containers", "disk free", "memory free", "clock", "load"
    )
    for node in answer["nodes"]:
        state = (
            node["state"] if node["availability"] == "active" else f"{node['state']}, {node['availability']}"
        )
        nodes.add_row(
            node["name"],
            node["role"],
            Text(state, "" if state == "ready" else "yellow"),
            str(len(node["containers"])),
            *_machine(node["machine"]),
        )
    services = _table("services", "service", "running", "wanted", "image")
    for service in answer["services"]:
        services.add_row(
            service["name"], str(service["running"]), str(service["replicas"]), _short(service["image"])
        )
    changes = _table("what changed", "time", "what", "", "who")
    for change in answer["changes"]:
        changes.add_row(_clock(change["at"]), change["subject"], Text(change["what"]), change["who"] or "")
    parts: list[RenderableType] = []
    if not answer["fresh"]:
        since = f"since {_clock(answer['at'])}" if answer["at"] else "yet"
        parts.append(Text(f"the swarm service has told nothing {since}", "red"))
    return Group(*parts, *(table for table in (nodes, services, changes) if table.rows))


def nodes_line(answer: Answer) -> str:
    """All nodes in one line."""
    return ", ".join(f"{node['name']} {node['state']} {node['availability']}" for node in answer["nodes"])


def _machine(machine: Answer | None) -> tuple[str, ...]:
    if not machine or not machine["fresh"]:
        return (UNKNOWN,) * 4
    offset = machine["clock_offset"]
    return (
        _share_of(machine["disk_free"], machine["disk"]),
        _share_of(machine["memory_free"], machine["memory"]),
        f"{offset:+.1f} s" if offset is not None else UNKNOWN,
        f"{machine['load']:.1f}",
    )


def _share_of(part: int, whole: int) -> str:
    return f"{part / 1e9:.1f} GB, {100 * part // max(whole, 1)} %"


def _short(image: str) -> str:
    """An image without most of its digest."""
    name, at, digest = image.partition("@sha256:")
    return f"{name}{at and '@'}{digest[:12]}"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
