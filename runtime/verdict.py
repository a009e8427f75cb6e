"""Whether a run succeeded: a pure function of its journal.

OODT's FINISHED proves nothing: it comes when a program exits with 1, when an output could not be ingested,
when the File Manager is down. So a run has succeeded only if the evidence of each step is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]

STARTED = "STARTED"
FINISHED = "FINISHED"
METADATA_MISSING = "METMISS"
# cas-pge reports it when, and only when, the program has exited with 0.
PROGRAM_EXITED_0 = "PGETask_Crawling"


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product that a run put into the catalogue; ``archived`` is where its file is kept."""

    id: str
    name: str
    type: str
    file: str
    archived: tuple[str, ...] = ()
    received: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a run came to. ``final`` failures would fail again, so they are not retried."""

    succeeded: bool
    reason: str | None = None
    final: bool = False
    products: tuple[Product, ...] = ()


def ended(lines: Iterable[Line]) -> bool:
    """Whether OODT does nothing more for this run.

    Stopping an instance makes it FINISHED at once, while the task that it is at runs on to its end.
    """
    finished = False
    running = None
    for line in lines:
        if line["kind"] == "task-ended":
            running = None
        elif line["kind"] == "status":
            if line["status"] in {FINISHED, METADATA_MISSING}:
                finished = True
            elif line["status"] == STARTED:
                running = line.get("task")
    return finished and running is None


def begun(lines: Iterable[Line]) -> bool:
    """Whether the Workflow Manager has an instance for this run."""
    return any(line["kind"] == "instance" for line in lines)


def judge(lines: Sequence[Line]) -> Finding:
    """The finding on a run that has ended."""
    reason = _missing_metadata(lines)
    if reason:
        return Finding(succeeded=False, reason=reason, final=True)
    reason = _unended(lines) or _failed_program(lines) or _output_problem(lines) or _not_ingested(lines)
    if reason:
        return Finding(succeeded=False, reason=reason)
    return Finding(succeeded=True, products=products(lines))


def products(lines: Iterable[Line]) -> tuple[Product, ...]:
    """Products that the lines put into the catalogue and did not remove again."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        match line["kind"]:
            case "ingest":
                details = {key: line.get(key) or "" for key in ("name", "type", "file")}
                found[line["product"]] = {**details, "archived": [], "received": False}
            case "reference" if line["product"] in found:
                found[line["product"]]["archived"].append(line["archived"])
            case "received" if line["product"] in found:
                found[line["product"]]["received"] = True
            case "removed":
                found.pop(line["product"], None)
    return tuple(
        Product(id=product, **{**details, "archived": tuple(details["archived"])})
        for product, details in found.items()
    )


def _missing_metadata(lines: Iterable[Line]) -> str | None:
    for line in lines:
        if line["kind"] == "status" and line["status"] == METADATA_MISSING:
            fields = line.get("missing") or []
            if fields:
                return f"task {line.get('task')}: metadata {_plural('field', fields)} missing"
            return f"task {line.get('task')}: a required metadata field is missing"
    return None


def _unended(lines: Sequence[Line]) -> str | None:
    begun_tasks = _tasks(lines)
    if begun_tasks is None:
        return "the Workflow Manager made no workflow instance"
    done = {line["task"] for line in lines if line["kind"] == "task-ended"}
    for task in begun_tasks:
        if task["id"] not in done:
            return f"task {task['id']} did not run to its end"
    return None


def _failed_program(lines: Sequence[Line]) -> str | None:
    crawled = {
        line.get("task") for line in lines if line["kind"] == "status" and line["status"] == PROGRAM_EXITED_0
    }
    for task in _tasks(lines) or []:
        if task.get("pge") and task["id"] not in crawled:
            return f"task {task['id']}: its program did not exit with 0"
    return None


def _output_problem(lines: Iterable[Line]) -> str | None:
    for line in lines:
        if line["kind"] == "expects" and line.get("problems"):
            return f"task {line['task']}: {line['problems'][0]}"
    return None


def _not_ingested(lines: Sequence[Line]) -> str | None:
    kept = {product.file: product for product in products(lines)}
    refusals = {line.get("file"): line.get("fault") for line in lines if line["kind"] == "refused"}
    for line in lines:
        if line["kind"] != "expects":
            continue
        for file in line["files"]:
            product = kept.get(file)
            if product is None:
                why = refusals.get(file) or "the crawler did not offer it to the File Manager"
                return f"task {line['task']}: output {file} was not ingested: {why}"
            if not product.received:
                return f"task {line['task']}: output {file} is in the catalogue but did not reach the archive"
    return None


def _tasks(lines: Iterable[Line]) -> list[dict[str, Any]] | None:
    for line in lines:
        if line["kind"] == "instance":
            tasks: list[dict[str, Any]] = line["tasks"]
            return tasks
    return None


def _plural(noun: str, things: Sequence[str]) -> str:
    return f"{noun} {things[0]} is" if len(things) == 1 else f"{noun}s {', '.join(things)} are"


def describe(found: Iterable[Product]) -> tuple[dict[str, Any], ...]:
    """Products as a job's verdict and its state events list them."""
    return tuple(
        {"id": product.id, "name": product.name, "type": product.type, "archived": list(product.archived)}
        for product in found
    )
