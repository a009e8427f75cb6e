"""What happens to jobs and batches, published on the topic exchange.

The key is EVENT.STATE for a state change, EVENT.SUBMITTED for a batch, EVENT.REDRIVEN for a dead job that is
given another chance.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pika

from runtime import names
from runtime.messaging.broker import Broker

State = Literal["RUNNING", "RETRYING", "SUCCEEDED", "DEAD", "CANCELLED"]
FINAL: frozenset[State] = frozenset({"SUCCEEDED", "DEAD", "CANCELLED"})

SUBMITTED = "SUBMITTED"
REDRIVEN = "REDRIVEN"

PUBLISH_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class StateEvent:
    """A job has come to a state. Times are unix seconds; ``attempts`` includes the present one.

    ``run`` is the number of the job's run that the state is of, 0 before the first. It only grows, so state
    changes can be put in order although they may arrive twice, late, and with the times of different clocks.
    """

    job: str
    event: str
    state: State
    attempts: int
    node: str
    run: int = 0
    batch: str | None = None
    reason: str | None = None
    log: str | None = None
    products: tuple[Mapping[str, Any], ...] = ()
    queued: float | None = None
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True, kw_only=True)
class BatchEvent:
    """A batch of ``jobs`` jobs is being submitted; ``submitted`` is their number once that has ended."""

    batch: str
    event: str
    jobs: int
    submitted: int | None = None


@dataclass(frozen=True, kw_only=True)
class RedriveEvent:
    """A dead job was put back into its queue. ``redrive`` differs from that of any other time."""

    job: str
    event: str
    redrive: str
    batch: str | None = None


Happening = StateEvent | BatchEvent | RedriveEvent


async def announce(broker: Broker, event: Happening) -> None:
    """Tell what has happened; returns when the broker has it. Nobody needs to listen."""
    match event:
        case StateEvent():
            what: str = event.state
        case BatchEvent():
            what = SUBMITTED
        case RedriveEvent():
            what = REDRIVEN
    properties = pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
    await broker.publish(
        names.EVENTS_EXCHANGE,
        f"{event.event}.{what}",
        encode(event),
        properties,
        seconds=PUBLISH_SECONDS,
        mandatory=False,
    )


def encode(event: Happening) -> bytes:
    return json.dumps({**vars(event), "at": time.time()}).encode()


def decode(body: bytes) -> Happening:
    """What was published; keys of a later version are passed over. Raises ValueError for anything else."""
    try:
        fields = json.loads(body)
        if "state" in fields:
            known = _known(StateEvent, fields)
            if not isinstance(known.get("run", 0), int):
                raise ValueError(f"run is {known['run']!r}")
            return StateEvent(**{**known, "products": tuple(known.get("products", ()))})
        if "redrive" in fields:
            return RedriveEvent(**_known(RedriveEvent, fields))
        return BatchEvent(**_known(BatchEvent, fields))
    except (TypeError, ValueError) as error:
        raise ValueError(f"not an event of this cluster: {error}") from error


def _known(kind: type[Happening], fields: dict[str, Any]) -> dict[str, Any]:
    return {key: fields[key] for key in kind.__dataclass_fields__ if key in fields}
