"""What must hold: at each step, and as equalities when all faults have stopped and everything has settled."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import names
from runtime.messaging import messages
from runtime.records import entries
from runtime.records.entries import Entry
from tests.simulation.container import Container

if TYPE_CHECKING:
    from tests.simulation.world import World

FINAL = {"SUCCEEDED", "DEAD", "CANCELLED"}


class Violation(AssertionError):
    """Something that must hold does not."""


class Watch:
    """Looks at each step, and keeps what it finds until somebody can hear of it."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._seen: list[str] = []
        self._histories: dict[Path, list[Entry]] = {}
        self._kept: dict[str, str] = {}  # product: job that succeeded with it

    def recorded(self, path: Path) -> None:
        """An entry was added to a job's history."""
        history = self._histories.setdefault(path.parent, [])
        entry = json.loads(path.read_bytes())
        last = history[-1] if history else None
        if (
            last
            and last["kind"] == "verdict"
            and not (last["state"] == "DEAD" and entry["kind"] == "reopened")
        ):
            self._violated(f"job {path.parent.name} has ended {last['state']}, and then comes {entry}")
        if entry["kind"] == "run" and entry["digest"] in _replaced([*history, entry]):
            self._violated(f"job {path.parent.name} runs with metadata from before an edit: {entry}")
        history.append(entry)
        if entry.get("state") == "SUCCEEDED":
            for product in entry["products"]:
                self._kept[product["id"]] = path.parent.name

    def announced(self, fields: dict[str, Any]) -> None:
        if fields.get("state") not in FINAL or fields["attempts"] == 0:
            return
        history = entries.read_all(self._world.ledger / fields["event"] / fields["job"])
        if fields["state"] not in [entry.get("state") for entry in history]:
            self._violated(f"job {fields['job']} is announced {fields['state']}: {history}")

    def removed_product(self, product: str) -> None:
        if product in self._kept:
            self._violated(f"{product} of job {self._kept[product]}, which has succeeded, is removed")

    def removed_file(self, path: str) -> None:
        for product in self._world.file_manager.catalogue.values():
            if path in product.places and product.id in self._kept:
                self._violated(f"{path} of job {self._kept[product.id]}, which has succeeded, is removed")

    def raise_what_was_seen(self) -> None:
        if self._seen:
            raise Violation("; ".join(self._seen))

    def check(self) -> None:
        """Whether all is as it should be when everything has settled."""
        self.raise_what_was_seen()
        if errors := self._world.loop.errors():
            raise Violation(f"nobody has handled {errors}")
        ends = self._check_jobs()
        succeeded = [end for end in ends.values() if end["state"] == "SUCCEEDED"]
        named = [product for end in succeeded for product in end["products"]]
        _equal(
            "products in the catalogue",
            set(self._world.file_manager.catalogue),
            "of jobs that succeeded",
            {product["id"] for product in named},
        )
        references = {
            place for product in self._world.file_manager.catalogue.values() for place in product.places
        }
        places = {place for product in named for place in product["archived"]}
        _equal(
            "files in the archive",
            set(self._world.file_manager.archive),
            "that the catalogue names",
            references,
        )
        if self._world.clients_transfer:  # else only the File Manager knows them
            _equal("files in the archive", set(self._world.file_manager.archive), "of verdicts", places)

    def check_width(self, containers: list[Container]) -> None:
        for container in containers:
            if container.most_at_once != container.width:
                raise Violation(
                    f"{container.node} runs {container.most_at_once} jobs at once, not {container.width}: "
                    "a slot is lost"
                )

    def _check_jobs(self) -> dict[str, Entry]:
        """Each job's verdict, after each was found to have one, and its messages where they belong."""
        ends: dict[str, Entry] = {}
        for folder in sorted(self._world.ledger.glob("[!.]*/[!.]*")):
            job, history = folder.name, entries.read_all(folder)
            if not history or history[-1]["kind"] != "verdict":
                raise Violation(f"job {job} has no verdict: {history}, {self._messages(job)}")
            ends[job] = history[-1]
            # A copy may stay in the dead queue when its job has been redriven and done: it was sent twice, or
            # its worker died between the copy and the acknowledgement.
            was_dead = any(entry.get("state") == "DEAD" for entry in history)
            self._check_messages(job, none=history[-1]["state"] != "DEAD", dead=was_dead)
        for message in self._world.poison:
            self._check_messages(message, none=False, dead=True)
        if lost := [job for job in self._world.sent if job not in ends]:
            raise Violation(f"no verdict of {lost}: {[self._messages(job) for job in lost]}")
        if len(ends) < len(self._world.sent) + self._world.sent_without_id:
            raise Violation(f"{self._world.sent_without_id} messages without id, but only {list(ends)}")
        return ends

    def _check_messages(self, job: str, *, none: bool, dead: bool) -> None:
        """Whether the job has no message, as far as it may have NONE, or some where DEAD jobs are."""
        where = self._messages(job)
        allowed = {names.dead_queue(event.name) for event in self._world.events} if dead else set()
        once = not self._world.disturbed and job not in self._world.sent_again
        if set(where) - allowed or (not where and not none) or (once and where.total() > (not none)):
            raise Violation(f"the messages of job {job} are in {dict(where)}")

    def _messages(self, job: str) -> Counter[str]:
        """In which queues the job's messages are, and how many."""
        return Counter(
            queue.name
            for queue in self._world.rabbitmq.queues.values()
            if queue.name != names.STATUS_QUEUE
            for message in queue.messages
            if messages.job_id(self._world.events[0].name, message.properties, message.body) == job
        )

    def _violated(self, what: str) -> None:
        self._world.note(f"VIOLATION: {what}")
        self._seen.append(what)


def _replaced(history: list[Entry]) -> set[str]:
    """The digests of metadata that edits have replaced by now."""
    replaced: set[str] = set()
    for entry in history:
        replaced |= set(entry.get("replaces", ()))
        if "replaces" in entry:
            replaced.discard(entry["digest"])
    return replaced


def _equal(one: str, left: set[str], other: str, right: set[str]) -> None:
    if left != right:
        raise Violation(f"{one} and those {other} differ: {sorted(left - right)}, {sorted(right - left)}")
