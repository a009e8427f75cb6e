"""The tables that the status command shows."""

import shlex
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runtime import names

Answer = Mapping[str, Any]

# What the broker has of an event's jobs: key of the answer, and heading.
PARTS = {"queued": "queued", "taken": "running", "retrying": "retrying", "dead": "dead"}
# It says no more than the reasons do.
JOBS_DIE = "OodtJobsDie"
STYLES = {"SUCCEEDED": "green", "DEAD": "red", "RUNNING": "blue", "RETRYING": "yellow"}


def overview(answer: Answer) -> RenderableType:
    queues = _table("queues", "event", *PARTS.values(), "")
    for queue in answer["queues"]:
        numbers = (str(queue[part]) if queue["counted"] else "?" for part in PARTS)
        queues.add_row(queue["event"], *numbers, "paused" if queue.get("paused") else "")
    nodes = _table("nodes", "node", "containers", "busy", "free")
    for node in answer["nodes"]:
        nodes.add_row(node["node"], *(str(node[part]) for part in ("consumers", "busy", "free")))
    batches = _table("batches", "batch", "event", "jobs", "succeeded", "dead", "running", "waiting", "")
    for each in answer["batches"]:
        batches.add_row(each["batch"], each["event"], *_numbers(each), each.get("note", ""))
    problem = answer["broker"]["problem"]
    parts: list[RenderableType] = [Text(f"broker: {problem}", "red")] if problem else []
    if short := answer["broker"].get("short"):
        waiting = answer["broker"]["blocked"]
        text = f"broker: short of {' and '.join(short)}, so it takes no message; {waiting} connections wait"
        parts.append(Text(text, "red"))
    # A service of an earlier version tells of none.
    for alarm in answer.get("alarms", ()):
        if alarm["name"] != JOBS_DIE or not answer["reasons"]:
            parts.append(_alarm(alarm))
    return Group(*parts, *_filled(queues, nodes, batches, _reasons(answer["reasons"])))


def batch(answer: Answer) -> RenderableType:
    table = _table(f"batch {answer['batch']}", "event", "jobs", "succeeded", "dead", "running", "waiting", "")
    table.add_row(answer["event"], *_numbers(answer), answer.get("note", ""))
    jobs = _table("newest jobs", "job", "state", "attempts", "node", "time", "reason")
    for each in answer["newest"]:
        jobs.add_row(
            *(each["job"], _state(each["state"]), str(each["attempts"]), each["node"] or ""),
            *(_span(each), Text(each["reason"] or "")),
        )
    return Group(table, *_filled(_reasons(answer["reasons"]), jobs))


def job(answer: Answer) -> RenderableType:
    about = Table.grid(padding=(0, 2))
    for name, value in (
        ("job", answer["job"]),
        ("event", answer["event"]),
        ("batch", answer["batch"] or ""),
        ("state", _state(answer["state"])),
        ("queued", _clock(answer["queued"])),
        ("reason", Text(answer["reason"] or "")),
    ):
        about.add_row(name, value)
    runs = _table("runs", "run", "state", "node", "started", "time", "reason")
    for run in answer["runs"]:
        runs.add_row(
            *(str(run["run"]), _state(run["state"]), run["node"] or "", _clock(run["started"]), _span(run)),
            Text(run["reason"] or ""),
        )
    products = _table("products", "name", "file in the archive")
    for product in answer["products"]:
        archived = product.get("archived") or [product.get("file", "")]
        # What the archive's folder is called in a container helps nobody outside.
        files = [str(path).removeprefix(f"{names.ARCHIVE_DIR}/") for path in archived]
        products.add_row(Text(str(product.get("name", ""))), Text("\n".join(files)))
    changes = _table("what operators did", "time", "what", "who", "values before")
    for each in answer.get("changes", ()):
        before = ", ".join(f"{key}={value}" for key, value in each["before"].items())
        changes.add_row(_clock(each["at"]), Text(each["what"]), each["who"] or "", Text(before))
    fetch = f"oodt fetch --job {shlex.quote(answer['job'])} --to DIR brings them to this machine"
    how = [Text(fetch)] if answer["products"] else []
    log = [Text("last of its log", "bold"), Text(answer["log"])] if answer.get("log") else []
    return Group(about, *_filled(runs, changes, products), *how, *log)


def batch_line(answer: Answer) -> str:
    """A batch in one line."""
    states = answer["states"]
    return (
        f"{answer['ended']} of {answer['jobs']} ended: {states.get('SUCCEEDED', 0)} succeeded, "
        f"{states.get('DEAD', 0)} dead; {states.get('RUNNING', 0)} running"
    )


def queues_line(answer: Answer) -> str:
    """All queues in one line."""
    queues = answer["queues"]
    if not all(queue["counted"] for queue in queues):
        return "the broker has not counted its messages yet"
    return ", ".join(f"{sum(queue[part] for queue in queues)} {heading}" for part, heading in PARTS.items())


def _alarm(alarm: Answer) -> Text:
    since = f" since {_clock(alarm['began'])}. {alarm['description']}"
    return Text.assemble((alarm["summary"], "red"), since)


def _filled(*tables: Table) -> list[Table]:
    return [table for table in tables if table.rows]


def _reasons(reasons: Iterable[Answer]) -> Table:
    table = _table("why jobs are dead", "jobs", "event", "reason", "such as")
    for each in reasons:
        table.add_row(str(each["jobs"]), each["event"], Text(each["reason"] or ""), each["example"])
    return table


def _numbers(each: Answer) -> tuple[str, ...]:
    states = each["states"]
    # A service of an earlier version has not these numbers, and no notes.
    queued = each.get("queued", each["waiting"] + states.get("QUEUED", 0))
    waiting = queued + states.get("RETRYING", 0)
    counts = (each["jobs"], *(states.get(state, 0) for state in ("SUCCEEDED", "DEAD", "RUNNING")), waiting)
    return tuple(str(count) for count in counts)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    numbers = {"jobs", "succeeded", "dead", "running", "waiting", "queued", "retrying"}
    numbers |= {"attempts", "containers", "busy", "free", "run"}
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return table


def _state(state: str) -> Text:
    return Text(state.lower(), STYLES.get(state, ""))


def _clock(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at is not None else ""


def _span(each: Answer) -> str:
    if each["started"] is None:
        return ""
    return f"{(each['ended'] or time.time()) - each['started']:.1f} s"
