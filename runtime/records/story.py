"""The story of a job, in order: what consumer, Workflow Manager, programs and File Manager did for it.

It is read from the share: the job's entries in the ledger, the lines about its products, and of each run that
is over its journal and all that its programs wrote. Nothing in it decides anything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from runtime import names
from runtime.records.entries import Entry
from runtime.records.ledger import Ledger
from runtime.records.nofollow import NoFollowFolder

CONSUMER, WORKFLOW_MANAGER, PROGRAM, FILE_MANAGER = "consumer", "workflow manager", "program", "file manager"
PROGRAM_RUNS = "PGETask_Running"
NOT_IN_A_NAME = re.compile(r"^\.|[^A-Za-z0-9._-]")
NAME_LENGTH = 200
# Of a journal, so that nothing in it can fill the memory.
MOST_JOURNAL_BYTES = 16 * 1024 * 1024
OF_FILE_MANAGER = {
    "ingesting": "{file} is to be ingested",
    "ingest": "{name} is in the catalogue as product {product}",
    "reference": "product {product} goes to {archived}",
    "received": "product {product} is in the archive",
    "refused": "{file} was not ingested: {fault}",
    "ingest-failed": "the ingest of {file} failed: {fault}",
    "removed": "product {product} is to be removed, as OODT's client says",
    "withdrawn": "product {product} is removed: its run does not count",
}
OF_WORKFLOW_MANAGER = {
    "instance": "workflow {workflow} begins",
    "status": "{task}: {status}",
    "task-ended": "{task} has ended",
    "task-failed": "{task} failed: {error}",
    "stuck": "{task} does not stop:\n{stack}",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """Something that happened, in unix seconds, and who did it. A program's has the name of its full LOG."""

    at: float
    by: str
    text: str
    run: int | None = None
    instance: str | None = None
    task: str | None = None
    log: str | None = None
    bytes: int | None = None


class Stories:
    """The stories of all jobs. Every method may block on the share."""

    def __init__(self, ledger: Ledger, jobs: Path) -> None:
        self._ledger = ledger
        self._jobs = jobs

    def of(self, event: str, job: str) -> list[Told]:
        """What happened; empty if nothing is on record."""
        history = self._ledger.history(event, job)
        if not history:
            return []
        folder = self._ledger.folder(event, job)
        told = list(_of_ledger(history))
        products = self._ledger.products(folder)
        for number, run in self._ledger.runs(folder).items():
            journal = self._ledger.journal(folder, number, MOST_JOURNAL_BYTES)
            told += _of_file_manager(products.get(number, ()), number)
            told += self._of_run(journal, number, run)
        return sorted(told, key=lambda each: each.at)

    def _of_run(self, journal: Sequence[Entry], number: int, run: str) -> Iterator[Told]:
        seen: set[tuple[str, str]] = set()
        for line in journal:
            if line["kind"] in OF_FILE_MANAGER:
                continue  # The ledger has it too.
            instance = str(line.get("instance") or run)
            where = {"at": line.get("at", 0.0), "run": number, "instance": instance, "task": line.get("task")}
            if text := _text(OF_WORKFLOW_MANAGER, line):
                yield Told(by=WORKFLOW_MANAGER, text=text, **where)
            if line["kind"] == "expects":
                files = len(line.get("files", ()))
                text = "; ".join([f"{line['task']} has made {files} files", *line.get("problems", ())])
                yield Told(by=WORKFLOW_MANAGER, text=text, **where)
            elif line["kind"] == "status" and line.get("status") == PROGRAM_RUNS:
                log = log_name(str(line["task"]))
                size = self._size(instance, log)
                if size is not None and (instance, log) not in seen:
                    seen.add((instance, log))
                    yield Told(by=PROGRAM, text="its output", log=log, bytes=size, **where)
            elif line["kind"] == "log" and (instance, log_name(str(line["task"]))) not in seen:
                yield Told(by=PROGRAM, text=str(line["text"]), **where)
        if not journal:
            # It goes on, or its Workflow Manager's container is gone.
            for log, at, size in self._logs(run):
                where = {"at": at, "run": number, "instance": run}
                yield Told(by=PROGRAM, text="its output", log=log, bytes=size, **where)

    def read(self, instance: str, log: str, *, offset: int, limit: int) -> bytes:
        """A part of a full log, compressed as it is; raises FileNotFoundError, OSError."""
        with NoFollowFolder(self._jobs) as folder, folder.open(_path(instance, log)) as file:
            file.seek(offset)
            return file.read(limit)

    def has(self, event: str, job: str, instance: str) -> bool:
        """Whether it is an instance of a run of the job."""
        runs = self._ledger.runs(self._ledger.folder(event, job)).values()
        return any(instance == run or instance.startswith(f"{run}~") for run in runs)

    def _size(self, instance: str, log: str) -> int | None:
        with suppress(OSError), NoFollowFolder(self._jobs) as folder:
            about = folder.about(_path(instance, log))
            return about.st_size if about else None
        return None

    def _logs(self, instance: str) -> Iterator[tuple[str, float, int]]:
        with suppress(OSError), NoFollowFolder(self._jobs / names.RUN_LOGS / instance) as folder:
            for path, about in folder.files():
                yield path.name, about.st_mtime, about.st_size


def log_name(task: str) -> str:
    """The name of a task's full log: oodt.cluster.workflow.RunLog says the same."""
    return NOT_IN_A_NAME.sub("_", task)[:NAME_LENGTH] + ".gz"


def _of_ledger(history: Iterable[Entry]) -> Iterator[Told]:
    for entry in history:
        match entry["kind"]:
            case "run":
                text = f"run {entry['id']} begins on {entry['node']}"
                yield Told(at=entry["started"], by=CONSUMER, text=text, run=entry["run"])
            case "ended":
                text = _with_reason(f"run {entry['run']} {entry['state']}", entry)
                yield Told(at=entry.get("at", 0.0), by=CONSUMER, text=text, run=entry["run"])
            case "reopened":
                yield Told(at=entry.get("at", 0.0), by=CONSUMER, text="it was redriven")
            case "verdict":
                text = _with_reason(f"the job is {entry['state']}", entry)
                yield Told(at=entry["ended"], by=CONSUMER, text=text, run=entry.get("run") or None)


def _of_file_manager(lines: Iterable[Entry], number: int) -> Iterator[Told]:
    at = 0.0
    for line in lines:
        at = line.get("at", at)
        if text := _text(OF_FILE_MANAGER, line):
            yield Told(at=at, by=FILE_MANAGER, text=text, run=number)


def _with_reason(text: str, entry: Entry) -> str:
    return f"{text}: {entry['reason']}" if entry.get("reason") else text


def _text(texts: Mapping[str, str], line: Entry) -> str | None:
    form = texts.get(line["kind"])
    return form.format_map(_Fields(line)) if form else None


class _Fields(dict[str, Any]):
    """The fields of a line. One that an earlier version did not write is shown as such."""

    def __missing__(self, key: str) -> str:
        return "?"


def _path(instance: str, log: str) -> PurePath:
    for part in (instance, log):
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._~-]{0,254}", part):
            raise FileNotFoundError(f"{part!r} is no name of a log")
    return PurePath(names.RUN_LOGS, instance, log)
