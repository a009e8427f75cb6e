"""Finds jobs whose messages are gone, and sends them again. Finds dead messages of jobs that are not dead.

The event's queue is not read. A message that is returned to it counts as delivered once more, and one without
an id is then taken for a second delivery. So a message is known to be gone only if the event's queues are
empty: in two looks at the broker, since a job moves between queues and the broker's numbers are some seconds
old. Then the ledger is read again: a job that has moved on meanwhile is no finding.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from runtime import names
from runtime.cli.findings import Example, Findings
from runtime.cli.status_client import StatusClient, has_jobs
from runtime.messaging import messages, recorded
from runtime.messaging.blocking import connection, publish
from runtime.messaging.dead_queue import DeadQueue
from runtime.messaging.excerpt import headline
from runtime.records.entries import Entry
from runtime.records.ledger import Ledger, message_of

# More than twice the age of the broker's own numbers, and of what the status service remembers of them.
SECOND_LOOK_SECONDS = 15.0
MOST_BATCHES = 1000

# For each event, jobs and the number of their last entries.
Jobs = dict[str, dict[str, int]]


@dataclass(kw_only=True)
class Suspects:
    """Jobs that may have to be sent again, as the ledger had them."""

    incomplete: Jobs = field(default_factory=dict)
    messages: Jobs = field(default_factory=dict)
    dead: Jobs = field(default_factory=dict)


def note(jobs: Jobs, event: str, job: str, entry: int) -> None:
    jobs.setdefault(event, {})[job] = entry


def look(url: str, client: StatusClient, ledger: Ledger, suspects: Suspects, findings: Findings) -> None:
    """Decide about the suspects; send those again that are to be mended. Raises FAILURES, NoStatus."""
    overview = client.overview()
    quiet, short = _quiet(overview), _short(client, overview)
    dead = [
        queue["event"] for queue in overview["queues"] if queue["dead"] or queue["event"] in suspects.dead
    ]
    if dead or short or any((suspects.incomplete, suspects.messages, suspects.dead)):
        with connection(url, name="reconcile") as (receiving, sending):
            queues = {event: DeadQueue(receiving, event) for event in dead}
            _read_dead(queues, ledger, suspects, findings)
            if short or any((*suspects.messages.values(), *suspects.dead.values())):
                if not quiet.issuperset({*suspects.messages, *suspects.dead}):
                    # The numbers may be of a time when the event had jobs.
                    receiving.connection.sleep(SECOND_LOOK_SECONDS)
                    quiet = _quiet(client.overview())
                receiving.connection.sleep(SECOND_LOOK_SECONDS)
                quiet &= _quiet(client.overview())
                # A message that was on its way has arrived. Those that were read are held until the end.
                _read_dead(queues, ledger, suspects, findings)
            _decide(sending, ledger, suspects, findings, quiet)
            for queue in queues.values():
                queue.hand_back()
    for event, batch in short & _short(client, client.overview()) if short else ():
        hint = f"oodt submit --event {event} --batch-id {batch} ..."
        findings.add("batches", Example(event=event, hint=hint))


def _quiet(overview: Mapping[str, Any]) -> set[str]:
    """The events of whose jobs the broker has no message but those of dead ones."""
    if overview["broker"]["problem"]:
        raise ConnectionError(f"the broker's queues are not known: {overview['broker']['problem']}")
    return {queue["event"] for queue in overview["queues"] if not has_jobs(queue)}


def _short(client: StatusClient, overview: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Event and batch, where the history has more jobs that wait or run than the broker has messages."""
    queues = {each["event"]: each for each in overview["queues"] if each["counted"]}
    open_batches: dict[str, dict[str, int]] = {}
    for batch in client.batches(limit=MOST_BATCHES):
        going_on = batch["waiting"] + sum(batch["states"].values()) - batch["ended"]
        if going_on and batch["waiting"] and not batch["cancelled"]:
            open_batches.setdefault(batch["event"], {})[batch["batch"]] = going_on
    return {
        (event, batch)
        for event, batches in open_batches.items()
        if event in queues and _jobs(queues[event]) < sum(batches.values())
        for batch in batches
    }


def _jobs(queue: dict[str, Any]) -> int:
    return int(queue["queued"] + queue["taken"] + queue["retrying"])


def _read_dead(
    queues: Mapping[str, DeadQueue],
    ledger: Ledger,
    suspects: Suspects,
    findings: Findings,
) -> None:
    """Take jobs that have a message in the dead queue off the suspects, and find messages of no use."""
    for event, queue in queues.items():
        for tag, properties, body in queue:
            job = messages.job_id(event, properties, body)
            suspects.dead.get(event, {}).pop(job, None)
            is_stale = _is_stale(ledger.history(event, job), messages.reason_of(properties))
            if is_stale and findings.add("stale", Example(event=event, job=job)):
                queue.remove(tag)
                findings.mended("stale")


def _is_stale(history: list[Entry], reason: str | None) -> bool:
    """Whether a dead message is of a death that the job has come back from, and has ended since.

    A redrive that was killed leaves one, or a worker. One that was refused has another reason.
    """
    ends = [entry for entry in history if entry["kind"] == "verdict"]
    return (
        bool(ends)
        and history[-1] is ends[-1]
        and ends[-1]["state"] != "DEAD"
        and reason in {headline(end["reason"]) for end in ends if end["state"] == "DEAD"}
    )


def _decide(
    sending: BlockingChannel, ledger: Ledger, suspects: Suspects, findings: Findings, quiet: set[str]
) -> None:
    for event, job, history in _unchanged(ledger, suspects.incomplete):
        if _sendable(findings, "incomplete", event, job, history):
            token = uuid.uuid4().hex
            if ledger.repeat(event, job, entry=len(history), redrive=token):
                _send(sending, event, job, history, redrive=token)
                findings.mended("incomplete")
    for kind, jobs in (("messages", suspects.messages), ("dead", suspects.dead)):
        for event, job, history in _unchanged(ledger, jobs):
            if ledger.has_worker(event, job, history):
                continue
            if event not in quiet:
                findings.add("undecided", Example(event=event, job=job))
            elif _sendable(findings, kind, event, job, history):
                if kind == "dead":
                    about = {key: history[-1][key] for key in ("reason", "log")}
                    _send(sending, names.dead_queue(event), job, history, **about)
                else:
                    _send(sending, event, job, history)
                findings.mended(kind)


def _unchanged(ledger: Ledger, jobs: Jobs) -> Iterator[tuple[str, str, list[Entry]]]:
    for event, of_event in jobs.items():
        for job, entry in of_event.items():
            history = ledger.history(event, job)
            if len(history) == entry and not ledger.is_discarded(event, job):
                yield event, job, history


def _sendable(findings: Findings, kind: str, event: str, job: str, history: list[Entry]) -> bool:
    """Note a finding; whether it is to be mended."""
    example = Example(event=event, job=job)
    if message_of(history) is None:
        findings.add("unsendable", example)
        return False
    return findings.add(kind, example)


def _send(sending: BlockingChannel, queue: str, job: str, history: list[Entry], **about: str | None) -> None:
    message = message_of(history)
    assert message is not None
    properties, body = recorded.again(job, message, **about)
    publish(sending, names.EXCHANGE, queue, body, properties)
