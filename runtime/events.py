"""State changes of jobs, published on the topic exchange with key EVENT.STATE."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pika

from runtime import names
from runtime.broker import Broker

State = Literal["RUNNING", "RETRYING", "SUCCEEDED", "DEAD", "CANCELLED"]
FINAL: frozenset[State] = frozenset({"SUCCEEDED", "DEAD", "CANCELLED"})

PUBLISH_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class StateEvent:
    """A job has come to a state. Times are unix seconds; ``attempts`` includes the present one."""

    job: str
    event: str
    state: State
    attempts: int
    node: str
    batch: str | None = None
    reason: str | None = None
    products: tuple[Mapping[str, Any], ...] = ()
    queued: float | None = None
    started: float | None = None
    ended: float | None = None


async def announce(broker: Broker, event: StateEvent) -> None:
    """Publish a state change; returns when the broker has it. Nobody needs to listen."""
    body = json.dumps({**vars(event), "products": list(event.products), "at": time.time()}).encode()
    properties = pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
    await broker.publish(
        names.EVENTS_EXCHANGE,
        f"{event.event}.{event.state}",
        body,
        properties,
        seconds=PUBLISH_SECONDS,
        mandatory=False,
    )


def decode(body: bytes) -> StateEvent:
    """A state change as published; keys of a later version are passed over."""
    fields = json.loads(body)
    known = {key: fields[key] for key in StateEvent.__dataclass_fields__ if key in fields}
    return StateEvent(**{**known, "products": tuple(known.get("products", ()))})
