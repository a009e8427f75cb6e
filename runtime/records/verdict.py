"""Whether a run succeeded: a pure function of its journal.

OODT's FINISHED proves nothing: it comes when a program exits with 1, when an output could not be ingested,
when the File Manager is down. So a run has succeeded only if the evidence of each step is there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

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
    """What a run came to. ``final`` failures would fail again, so they are not retried.

    ``log`` is the last of what the task that failed has written.
    """

    succeeded: bool
    reason: str | None = None
    log: str | None = None
    final: bool = False
    products: tuple[Product, ...] = ()


class _Problem(NamedTuple):
    task: str | None
    what: str


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


def judge(instances: Iterable[Sequence[Line]]) -> Finding:
    """The finding on a run whose workflow instances (one, unless its event starts several) have all ended."""
    made: list[Product] = []
    for lines in instances:
        finding = _judge(lines)
        if not finding.succeeded:
            return finding
        made += finding.products
    return Finding(succeeded=True, products=tuple(made))


def missed_metadata(lines: Iterable[Line]) -> str | None:
    """The task that was not begun because its metadata is incomplete."""
    return next((line["task"] for line in _statuses(lines) if line["status"] == METADATA_MISSING), None)


def _judge(lines: Sequence[Line]) -> Finding:
    if task := missed_metadata(lines):
        return Finding(succeeded=False, reason=f"task {task}: {_what_is_missing(lines)}", final=True)
    problem = (
        _task_failed(lines)
        or _task_not_ended(lines)
        or _program_failed(lines)
        or _output_problem(lines)
        or _not_ingested(lines)
    )
    if problem:
        reason = f"task {problem.task}: {problem.what}" if problem.task else problem.what
        return Finding(succeeded=False, reason=reason, log=last_log(lines, problem.task))
    return Finding(succeeded=True, products=products(lines))


def last_log(lines: Iterable[Line], task: str | None = None) -> str | None:
    """The last of what a task (any, unless it is named) has written; None if nothing is known of it."""
    logs = [line["text"] for line in lines if line["kind"] == "log" and task in {None, line["task"]}]
    return logs[-1] if logs else None


def products(lines: Iterable[Line]) -> tuple[Product, ...]:
    """Products that the lines put into the catalogue and did not remove again."""
    return _products(lines, {"removed", "withdrawn"})


def traces(lines: Iterable[Line]) -> tuple[Product, ...]:
    """Products as far as they have not been withdrawn, files included.

    OODT's client takes one that it could not transfer out of the catalogue, and leaves the file where it is.
    """
    return _products(lines, {"withdrawn"})


def _products(lines: Iterable[Line], ends: Set[str]) -> tuple[Product, ...]:
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
            case kind if kind in ends:
                found.pop(line["product"], None)
    return tuple(
        Product(id=product, **{**details, "archived": tuple(details["archived"])})
        for product, details in found.items()
    )


def _what_is_missing(lines: Iterable[Line]) -> str:
    fields = [field for line in lines if line["kind"] == "missing" for field in line["fields"]]
    match fields:
        case []:
            return "a metadata field that it requires is missing"
        case [field]:
            return f"metadata field {field} is missing"
        case _:
            return f"metadata fields {', '.join(fields)} are missing"


def _task_failed(lines: Iterable[Line]) -> _Problem | None:
    """The Workflow Manager does not run the tasks after it: that these did not end is no reason."""
    return next(
        (_Problem(line["task"], line["error"]) for line in lines if line["kind"] == "task-failed"), None
    )


def _task_not_ended(lines: Sequence[Line]) -> _Problem | None:
    tasks = _tasks(lines)
    if tasks is None:
        return _Problem(None, "the Workflow Manager made no workflow instance")
    done = {line["task"] for line in lines if line["kind"] == "task-ended"}
    return next(
        (_Problem(task["id"], "it did not run to its end") for task in tasks if task["id"] not in done), None
    )


def _program_failed(lines: Sequence[Line]) -> _Problem | None:
    crawled = {line["task"] for line in _statuses(lines) if line["status"] == PROGRAM_EXITED_0}
    for task in _tasks(lines) or []:
        if task.get("pge") and task["id"] not in crawled:
            return _Problem(task["id"], "its program did not exit with 0")
    return None


def _output_problem(lines: Iterable[Line]) -> _Problem | None:
    for line in lines:
        if line["kind"] == "expects" and line.get("problems"):
            return _Problem(line["task"], line["problems"][0])
    return None


def _not_ingested(lines: Sequence[Line]) -> _Problem | None:
    kept = {product.file: product for product in products(lines)}
    refusals = {line.get("file"): line.get("fault") for line in lines if line["kind"] == "refused"}
    for line in lines:
        if line["kind"] != "expects":
            continue
        for file in line["files"]:
            product = kept.get(file)
            if product is None:
                why = refusals.get(file) or "the crawler did not offer it to the File Manager"
                return _Problem(line["task"], f"output {file} was not ingested: {why}")
            if not product.received:
                return _Problem(
                    line["task"], f"output {file} is in the catalogue but did not reach the archive"
                )
    return None


def _statuses(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if line["kind"] == "status")


def _tasks(lines: Iterable[Line]) -> list[dict[str, Any]] | None:
    for line in lines:
        if line["kind"] == "instance":
            tasks: list[dict[str, Any]] = line["tasks"]
            return tasks
    return None


def describe(found: Iterable[Product]) -> tuple[dict[str, Any], ...]:
    """Products as a job's verdict and its state events list them."""
    return tuple(
        {"id": product.id, "name": product.name, "type": product.type, "archived": list(product.archived)}
        for product in found
    )
