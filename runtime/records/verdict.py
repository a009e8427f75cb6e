"""Whether a run succeeded: a pure function of its journal.

OODT's FINISHED proves nothing: it comes when a program exits with 1, when an output could not be ingested,
when the File Manager is down. So a run has succeeded only if the evidence of each step is there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runtime.outcome import Outcome, Product

Line = Mapping[str, Any]

STARTED = "STARTED"
FINISHED = "FINISHED"
METADATA_MISSING = "METMISS"
# cas-pge reports it when, and only when, the program has exited with 0.
PROGRAM_EXITED_0 = "PGETask_Crawling"
# Lines that end a product: OODT's client took it out of the catalogue, or this cluster did.
_TAKEN_OUT = frozenset({"removed", "withdrawn"})
_WITHDRAWN = frozenset({"withdrawn"})
_REFUSALS = frozenset({"refused", "ingest-failed"})


@dataclass(kw_only=True)
class _Ingest:
    """What the lines say of one product: the file that it was made from, and where its files are kept."""

    product: str
    name: str
    type: str
    file: str
    archived: list[str] = field(default_factory=list)
    received: bool = False


class _Problem(NamedTuple):
    task: str | None
    what: str


def ended(lines: Iterable[Line]) -> bool:
    """Whether OODT does nothing more for this run.

    A stopped instance is FINISHED at once, while its current task goes on to its end.
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


def stuck(lines: Iterable[Line]) -> list[Line]:
    """Tasks that did not stop when they were told to, and where in their code they are."""
    return [line for line in lines if line["kind"] == "stuck"]


def judge(instances: Iterable[Sequence[Line]]) -> Outcome:
    """The outcome of a run whose workflow instances have ended: one, unless its event starts several."""
    made: list[Product] = []
    for lines in instances:
        outcome = _judge(lines)
        if outcome.result != "succeeded":
            return outcome
        made += outcome.products
    return Outcome(result="succeeded", products=tuple(made))


def _judge(lines: Sequence[Line]) -> Outcome:
    for line in _statuses(lines):
        if line["status"] == METADATA_MISSING:
            reason = f"task {line['task']}: {_what_is_missing(line.get('missing') or [])}"
            return Outcome(result="failed", reason=reason, final=True)
    problem = (
        _task_failed(lines)
        or _task_not_ended(lines)
        or _program_failed(lines)
        or _outputs_unknown(lines)
        or _output_problem(lines)
        or _not_ingested(lines)
    )
    if problem:
        reason = f"task {problem.task}: {problem.what}" if problem.task else problem.what
        return Outcome(result="failed", reason=reason, log=last_log(lines, problem.task))
    return Outcome(result="succeeded", products=products(lines))


def last_log(lines: Iterable[Line], task: str | None = None) -> str | None:
    """The last of what a task (any, unless it is named) has written; None if nothing is known of it."""
    logs = [line["text"] for line in lines if line["kind"] == "log" and task in {None, line["task"]}]
    return logs[-1] if logs else None


def products(lines: Iterable[Line]) -> tuple[Product, ...]:
    """Products that the lines put into the catalogue and did not remove again."""
    return _products(_ingests(lines, _TAKEN_OUT))


def traces(lines: Iterable[Line]) -> tuple[Product, ...]:
    """Products of which something may be left: all that were not withdrawn.

    If OODT's client cannot transfer a product, it removes the product from the catalogue and leaves the file.
    """
    return _products(_ingests(lines, _WITHDRAWN))


def ingested(lines: Iterable[Line]) -> tuple[Product, ...]:
    """All products that the lines have put into the catalogue, whatever became of them."""
    return _products(_ingests(lines, frozenset()))


def unanswered(lines: Iterable[Line]) -> list[Line]:
    """Ingests that were begun and may have been done, although no answer says so."""
    open_by_file: dict[str, Line] = {}
    for line in lines:
        match line["kind"]:
            case "ingesting":
                open_by_file[line["file"]] = line
            case "ingest" | "refused":
                open_by_file.pop(line.get("file", ""), None)
    return list(open_by_file.values())


def _ingests(lines: Iterable[Line], ends: Set[str]) -> list[_Ingest]:
    """Ingests that no line of the kinds ENDS has undone."""
    found: dict[str, _Ingest] = {}
    for line in lines:
        match line["kind"]:
            case "ingest":
                name, kind, file = (line.get(key) or "" for key in ("name", "type", "file"))
                found[line["product"]] = _Ingest(product=line["product"], name=name, type=kind, file=file)
            case "reference" if line["product"] in found:
                found[line["product"]].archived.append(line["archived"])
            case "received" if line["product"] in found:
                found[line["product"]].received = True
            case ended if ended in ends:
                found.pop(line["product"], None)
    return list(found.values())


def _products(ingests: Iterable[_Ingest]) -> tuple[Product, ...]:
    return tuple(
        Product(id=each.product, name=each.name, type=each.type, archived=tuple(each.archived))
        for each in ingests
    )


def _what_is_missing(fields: Sequence[str]) -> str:
    match fields:
        case []:
            return "a metadata field that it requires is missing"
        case [name]:
            return f"metadata field {name} is missing"
        case _:
            return f"metadata fields {', '.join(fields)} are missing"


def _task_failed(lines: Iterable[Line]) -> _Problem | None:
    """The tasks after a failed one are not run, so this is looked for before tasks that did not end."""
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


def _outputs_unknown(lines: Sequence[Line]) -> _Problem | None:
    """The line that names a task's outputs is missing: on a full disk it may be lost."""
    known = {line["task"] for line in lines if line["kind"] == "expects"}
    for task in _tasks(lines) or []:
        if task.get("pge") and task["id"] not in known:
            return _Problem(task["id"], "it is not on record which outputs it has made")
    return None


def _output_problem(lines: Iterable[Line]) -> _Problem | None:
    for line in lines:
        if line["kind"] == "expects" and line.get("problems"):
            return _Problem(line["task"], line["problems"][0])
    return None


def _not_ingested(lines: Sequence[Line]) -> _Problem | None:
    kept = {ingest.file: ingest for ingest in _ingests(lines, _TAKEN_OUT)}
    obstacles = _obstacles(lines)
    refusals = {line.get("file"): line.get("fault") for line in lines if line["kind"] in _REFUSALS}
    for line in lines:
        if line["kind"] != "expects":
            continue
        for file in line["files"]:
            ingest = kept.get(file)
            if ingest is None and file in obstacles:
                what = f"output {file} did not reach the archive: {obstacles[file]}"
                return _Problem(line["task"], what)
            if ingest is None:
                why = refusals.get(file) or "the crawler did not offer it to the File Manager"
                return _Problem(line["task"], f"output {file} was not ingested: {why}")
            if not ingest.received:
                return _Problem(
                    line["task"], f"output {file} is in the catalogue but did not reach the archive"
                )
    return None


def _obstacles(lines: Sequence[Line]) -> dict[str, str]:
    """Files whose products OODT's client took back, with what is known of why."""
    files = {line["product"]: line.get("file") or "" for line in lines if line["kind"] == "ingest"}
    return {
        files[line["product"]]: line["why"]
        for line in lines
        if line["kind"] == "removed" and line.get("why") and line["product"] in files
    }


def _statuses(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if line["kind"] == "status")


def _tasks(lines: Iterable[Line]) -> list[dict[str, Any]] | None:
    for line in lines:
        if line["kind"] == "instance":
            tasks: list[dict[str, Any]] = line["tasks"]
            return tasks
    return None
