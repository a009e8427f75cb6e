"""Other metadata for a dead job: its message again, with values that are set or taken away."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pika

from runtime.messaging import messages
from runtime.messaging.messages import Metadata, Poison

# The values before an edit, of the fields that it changed; None of those that were not there.
Before = dict[str, str | list[str] | None]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Metadata fields to set, and names of others to take away. Raises Poison for what no job can have."""

    set: Mapping[str, str | list[str]] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        messages.metadata_from_object(self.set)

    def __str__(self) -> str:
        parts = [f"{key}={value}" for key, value in self.set.items()]
        return ", ".join(parts + [f"without {key}" for key in sorted(self.unset)])

    def of(self, metadata: Metadata) -> Metadata:
        kept = {key: value for key, value in metadata.items() if key not in self.unset}
        return {**kept, **self.set}


def again(
    event: str,
    properties: pika.BasicProperties,
    body: bytes,
    *,
    redrive: str,
    edit: Edit | None = None,
) -> tuple[pika.BasicProperties, bytes, Before]:
    """A dead job's message for its queue, and the values that an EDIT has replaced.

    Of a message that cannot be read nothing is kept but its id and its headers.
    """
    try:
        job = messages.decode(event, properties, body)
    except Poison:
        job = messages.identified(event, properties, body, redelivered=False)
    made = edit.of(job.metadata) if edit else job.metadata
    if made == job.metadata:
        return messages.republished(properties, job=job.id, redrive=redrive), body, {}
    before: Before = {
        key: job.metadata.get(key) for key in {*made, *job.metadata} if made.get(key) != job.metadata.get(key)
    }
    edited = messages.republished(properties, job=job.id, redrive=redrive, edited=job.digest)
    return edited, messages.encode(made), before
