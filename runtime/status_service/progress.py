"""How far a batch is: one rule for API, console and command, and for the numbers of its event's queue."""

from runtime.status_service.history import Record
from runtime.status_service.management import EventQueues

# Nothing more comes of a batch that is silent for so long while the event's queue is empty and no job runs.
SILENT_SECONDS = 60.0


def is_over(batch: Record, queues: EventQueues | None, at: float) -> bool:
    """Whether no other job of the batch comes. Without queues of its event it is over once it is silent."""
    return queues.over if queues else is_silent(batch["changed"], at)


def is_silent(changed: float, at: float) -> bool:
    return at - changed >= SILENT_SECONDS


def progress(batch: Record, *, over: bool, at: float) -> Record:
    """The batch of the history, with what is left of it and what is to be said of it.

    Its submission was interrupted if it has not told its end, and the batch is OVER and silent. If nobody has
    announced the batch, it is done then.
    """
    states = batch["states"]
    interrupted = over and is_silent(batch["changed"], at) and batch["submitted"] is None
    queued = states.get("QUEUED", 0) + (0 if over else batch["waiting"])
    found = {
        **batch,
        "queued": queued,
        "left": queued + states.get("RUNNING", 0) + states.get("RETRYING", 0),
        "interrupted": interrupted,
        "done": batch["done"] or (interrupted and batch["ended"] >= batch["jobs"]),
    }
    return {**found, "note": _note(found, over=over)}


def _note(batch: Record, *, over: bool) -> str:
    begun = sum(batch["states"].values())
    if batch["cancelled"]:
        return "cancelled"
    if batch["done"]:
        return "done"
    if batch["interrupted"]:
        return f"interrupted: {begun} of {batch['jobs']} were submitted"
    if batch["submitted"] is None:
        return "being submitted"
    if over and batch["waiting"]:
        return f"{batch['waiting']} of {batch['submitted']} have not come"
    return ""
