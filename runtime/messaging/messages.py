"""Reads a message into a job with its identity and metadata, and writes messages of jobs.

The body is a JSON object of metadata, as the original's producers send it. A message that can never become a
job is poison: it goes to the dead queue with a reason.
"""

import hashlib
import json
import re
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pika
import pika.data
import pika.exceptions

from runtime import names
from runtime.messaging.excerpt import HEADER_BYTES, REASON_BYTES, excerpt, headline

Metadata = dict[str, str | list[str]]

# The original's producers send the metadata as headers too, so this cluster's headers have a prefix.
BATCH_HEADER = "oodt-batch"
REASON_HEADER = "oodt-reason"
LOG_HEADER = "oodt-log"
REDRIVE_HEADER = "oodt-redrive"
# The digests of the metadata that the job had before each edit, the newest first.
EDITED_HEADER = "oodt-edited"
# The job's id on a deferred message that has no id of its own. It was derived from the message's time, and a
# republished message has another time.
DERIVED_HEADER = "oodt-derived"

OWN_DIGITS = 12

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_VALUE_BYTES = 512 * 1024
# All headers of a message must fit into one frame, which has 128 KiB unless the broker says otherwise.
MAX_HEADER_BYTES = 64 * 1024
# Characters that XML 1.0 cannot carry. OODT's protocol is XML-RPC.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The Workflow Manager sets these itself. (IterativeWorkflowProcessorThread of OODT 0.3)
OODTS_OWN = frozenset({"TaskId", "WorkflowInstId", "JobId", "ProcessingNode", "WorkflowManagerUrl"})
COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Poison(ValueError):
    """A message that can never become a job; the text is the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(headline(reason))


class _Number(str):
    """A JSON number. OODT's values are text, so 1e400 or 0.10 stays what the sender wrote."""


DELIVERY_LIMIT = "delivery_limit"
# Why RabbitMQ dead-letters a message, and what that means here.
DEAD_LETTER_REASONS = {
    "expired": "its time to live was over before a worker had a slot for it",
    DELIVERY_LIMIT: "it was delivered too often without an answer, as if it broke its consumers",
}

# What a job's id is derived from: the message's own id, the time that the broker gave the message (two with
# the same body may share it), or nothing that a second delivery would have too.
Identity = Literal["id", "time", "none"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One unit of work: a run of the event's workflow with this metadata.

    ``identity`` says what the id comes from, ``came_before`` whether the message was delivered before.
    ``redrive`` is the id of its last redrive, if it was dead and was put back into its queue.
    ``digest`` is equal for equal metadata, or for equal bodies if these hold none; empty if it is not known.
    ``edited`` are the digests of the metadata that an operator has replaced by these.
    """

    id: str
    event: str
    metadata: Metadata
    batch: str | None = None
    queued_at: float | None = None
    redrive: str | None = None
    identity: Identity = "id"
    came_before: bool = False
    digest: str = ""
    edited: tuple[str, ...] = ()
    priority: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Two events may have a job of the same id."""
        return self.event, self.id


def identified(queue: str, properties: pika.BasicProperties, body: bytes, *, redelivered: bool) -> Job:
    """The job that a message is for, without its metadata, which may be unreadable."""
    derived = _header(properties, DERIVED_HEADER)
    if properties.message_id:
        identity: Identity = "id"
    else:
        identity = "none" if derived is None and _stamp(properties) is None else "time"
    return Job(
        id=job_id(queue, properties, body),
        event=queue,
        metadata={},
        batch=batch_of(properties),
        queued_at=queued_at(properties),
        redrive=_header(properties, REDRIVE_HEADER),
        identity=identity,
        came_before=redelivered or derived is not None,
        digest=_digest(body),
        edited=edits_of(properties),
        priority=properties.priority,
    )


def decode(queue: str, properties: pika.BasicProperties, body: bytes, *, redelivered: bool = False) -> Job:
    """The job that a message carries; raises Poison."""
    job = identified(queue, properties, body, redelivered=redelivered)
    metadata = metadata_from_json(body)
    return replace(job, metadata=metadata, digest=_digest(json.dumps(metadata, sort_keys=True).encode()))


def encode(metadata: Mapping[str, object]) -> bytes:
    return COMPACT.encode(metadata).encode()


def properties_of(
    job: str, *, batch: str | None = None, priority: int | None = None, at: float | None = None
) -> pika.BasicProperties:
    """Properties of a job's message: it survives a restart of the broker and has the job's id."""
    return pika.BasicProperties(
        message_id=job,
        content_type="application/json",
        delivery_mode=pika.DeliveryMode.Persistent.value,
        priority=priority,
        timestamp=int(at) if at is not None else None,
        headers={BATCH_HEADER: batch} if batch is not None else None,
    )


def republished(
    properties: pika.BasicProperties,
    *,
    job: str,
    reason: str | None = None,
    log: str | None = None,
    redrive: str | None = None,
    edited: str | None = None,
) -> pika.BasicProperties:
    """Properties for the same message in another queue. From now on it states its id, which never changes.

    EDITED is the digest of the metadata that the message had, if it has others now.
    """
    headers = _passed_on(properties)
    if reason is not None:
        headers[REASON_HEADER] = headline(reason)
    if log:
        headers[LOG_HEADER] = excerpt(log, HEADER_BYTES)
    if redrive is not None:
        headers[REDRIVE_HEADER] = redrive
    if edited is not None:
        headers[EDITED_HEADER] = " ".join((edited, *edits_of(properties)))
    return pika.BasicProperties(
        message_id=job,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        delivery_mode=pika.DeliveryMode.Persistent.value,
        priority=properties.priority,
        timestamp=properties.timestamp,
        headers=headers or None,
    )


def deferred(properties: pika.BasicProperties, job: Job) -> pika.BasicProperties:
    """As ``republished``, but a message without an id stays without."""
    again = republished(properties, job=job.id)
    if job.identity != "id":
        again.message_id = None
        again.headers = {**(again.headers or {}), DERIVED_HEADER: job.id}
    return again


def passed_on(properties: pika.BasicProperties) -> pika.BasicProperties:
    """As ``republished``, for a message without an id that may not be the one that its derived id is for."""
    again = republished(properties, job="")
    again.message_id = None
    return again


def job_id(queue: str, properties: pika.BasicProperties, body: bytes) -> str:
    """The message's id, or one derived from what does not change when the broker delivers it again."""
    given = properties.message_id or _header(properties, DERIVED_HEADER)
    if given:
        return job_id_for(str(given))
    return "d-" + _digest(queue.encode(), str(_stamp(properties)).encode(), body)


def job_id_for(message_id: str) -> str:
    """The job's id for a sender's message id: the same, unless it cannot name a file."""
    return message_id if names.SAFE_ID.fullmatch(message_id) else "m-" + _digest(message_id.encode())


def own_id(derived: str) -> str:
    """A new id for a message whose derived id belongs to another message."""
    return f"{derived}.{uuid.uuid4().hex[:OWN_DIGITS]}"


def id_beside(job: Job) -> str:
    """An id for a message that has the id of a job with other metadata: the same whenever it comes."""
    return job_id_for(f"{job.id}.{job.digest[:OWN_DIGITS]}")


def batch_of(properties: pika.BasicProperties) -> str | None:
    return _header(properties, BATCH_HEADER)


def edits_of(properties: pika.BasicProperties) -> tuple[str, ...]:
    """The digests of the metadata that the job had before its edits, the newest first."""
    return tuple((_header(properties, EDITED_HEADER) or "").split())


def returns_of(properties: pika.BasicProperties) -> int:
    """How often the message came back to its queue. Only quorum queues count that, and limit it."""
    counted = (properties.headers or {}).get("x-delivery-count")
    return counted if isinstance(counted, int) else 0


def reason_of(properties: pika.BasicProperties) -> str | None:
    """Why a message is in the dead queue."""
    return _header(properties, REASON_HEADER)


def dead_letter_reason(properties: pika.BasicProperties) -> str:
    """RabbitMQ's word for why it has dead-lettered a message."""
    deaths = (properties.headers or {}).get("x-death")
    [death, *_] = deaths if isinstance(deaths, list) and deaths else [None]
    return str(death.get("reason")) if isinstance(death, dict) else "unknown"


def queued_at(properties: pika.BasicProperties) -> float | None:
    """When the message was first published, in unix seconds."""
    stamp = (properties.headers or {}).get("timestamp_in_ms")
    if isinstance(stamp, int):
        return stamp / 1000
    return float(properties.timestamp) if properties.timestamp is not None else None


def metadata_from_json(body: bytes, *, fields_once: bool = False) -> Metadata:
    """OODT metadata from a message's body; raises Poison.

    If a field occurs twice the last one counts, as with the original's JSON library. With FIELDS_ONCE it is
    an error.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Poison(f"the message has {len(body)} bytes; at most {MAX_BODY_BYTES} are allowed")
    try:
        # OODT's values are text, so numbers keep the sender's spelling.
        document = json.loads(
            body.decode(),
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_each_once if fields_once else None,
        )
    except UnicodeDecodeError as error:
        raise Poison(f"the message is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    except json.JSONDecodeError as error:
        raise Poison(f"the message is not JSON: {error}") from error
    except RecursionError as error:
        raise Poison("the message is nested too deeply") from error
    if not isinstance(document, dict):
        raise Poison(f"the message is a JSON {_json_type(document)}; a job is a JSON object of metadata")
    return metadata_from_object(document)


def metadata_from_object(fields: Mapping[str, object]) -> Metadata:
    """OODT metadata (text, or lists of text) from decoded values; raises Poison."""
    metadata: Metadata = {}
    for key, value in fields.items():
        if not key or NOT_IN_XML.search(key):
            raise Poison(f"{key!r} cannot be the name of a metadata field")
        if not all(key.split("/")):
            # OODT takes what stands between slashes for groups, and leaves out empty ones: /A would be A.
            raise Poison(f"{key!r} cannot be the name of a metadata field: it has a slash too many")
        if key in OODTS_OWN:
            raise Poison(f"metadata field {key} is OODT's own, which overwrites it: use another name")
        if isinstance(value, list):
            if not value:
                raise Poison(f"metadata field {key} is an empty list; give it a value or leave it out")
            metadata[key] = [_text(key, item) for item in value]
        else:
            metadata[key] = _text(key, value)
    # OODT's instance id comes from this key, and it is ours to set.
    metadata.pop(names.JOB_KEY, None)
    return metadata


def _passed_on(properties: pika.BasicProperties) -> dict[str, Any]:
    """All headers but those of brokers and verdicts; only this cluster's if others cannot be sent again."""
    headers = {
        key: value
        for key, value in (properties.headers or {}).items()
        if isinstance(key, str) and not key.startswith("x-") and key not in {REASON_HEADER, LOG_HEADER}
    }
    try:
        size = pika.data.encode_table([], headers)
    except (pika.exceptions.AMQPError, struct.error, ArithmeticError, RecursionError, TypeError, ValueError):
        size = None
    if size is not None and size <= MAX_HEADER_BYTES:
        return headers
    return {
        key: str(value)[:REASON_BYTES]
        for key, value in headers.items()
        if key in {BATCH_HEADER, REDRIVE_HEADER, EDITED_HEADER}
    }


def _stamp(properties: pika.BasicProperties) -> object:
    return (properties.headers or {}).get("timestamp_in_ms", properties.timestamp)


def _header(properties: pika.BasicProperties, name: str) -> str | None:
    value = (properties.headers or {}).get(name)
    return str(value) if value is not None else None


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise Poison(
            f"metadata field {key} holds a JSON {_json_type(value)}; values are text, numbers or lists"
        )
    if NOT_IN_XML.search(value):
        raise Poison(f"metadata field {key} holds a character that XML cannot carry")
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise Poison(
            f"metadata field {key} has {len(value.encode())} bytes; at most {MAX_VALUE_BYTES} are allowed"
        )
    return str(value)


def _json_type(value: object) -> str:
    kinds: dict[type[Any], str] = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "boolean",
        type(None): "null",
    }
    return kinds.get(type(value), "number")


def _refuse_constant(name: str) -> object:
    raise Poison(f"the message is not JSON: {name} is no JSON number")


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Poison(f"metadata field {next(key for key in keys if keys.count(key) > 1)} is there twice")
    return fields


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]
