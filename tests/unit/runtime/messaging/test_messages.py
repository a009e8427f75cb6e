"""What becomes a job, and what is poison."""

import decimal
import json
import math
import struct

import pika
import pika.data
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import names
from runtime.messaging import messages, pika_values
from runtime.messaging.messages import Poison

PLAIN = pika.BasicProperties(message_id="job-1")

in_xml = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
not_the_senders = {"JobKey", *messages.OODTS_OWN}
keys = st.text(in_xml, min_size=1, max_size=20).filter(
    lambda key: key not in not_the_senders and all(key.split("/"))
)
scalars = st.one_of(st.text(in_xml, max_size=50), st.integers(), st.booleans())


def test_the_metadata_that_the_originals_producers_send_becomes_text() -> None:
    assert messages.metadata_from_json(b'{"Dataset": "abc", "Project": "123", "Run": 1}') == {
        "Dataset": "abc",
        "Project": "123",
        "Run": "1",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("true", "true"),
        ("0.10", "0.10"),
        ("1e400", "1e400"),
        ("-7", "-7"),
        ('["a", 1]', ["a", "1"]),
        ('"é"', "é"),
    ],
)
def test_values_keep_their_spelling(value: str, text: object) -> None:
    assert messages.metadata_from_json(f'{{"Key": {value}}}'.encode()) == {"Key": text}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the message is not JSON"),
        (b"{'Run': 1}", "the message is not JSON"),
        (b'{"Run": NaN}', "NaN is no JSON number"),
        (b'{"Run": 1}x', "the message is not JSON"),
        (b"[1, 2]", "the message is a JSON array; a job is a JSON object"),
        (b'"text"', "the message is a JSON string"),
        (b"null", "the message is a JSON null"),
        (b"17", "the message is a JSON number"),
        (b'{"Run": null}', "metadata field Run holds a JSON null"),
        (b'{"Run": {"a": 1}}', "metadata field Run holds a JSON object"),
        (b'{"Run": [[1]]}', "metadata field Run holds a JSON array"),
        (b'{"Run": []}', "metadata field Run is an empty list"),
        (b'{"": 1}', "'' cannot be the name of a metadata field"),
        (b'{"/A": 1}', "'/A' cannot be the name of a metadata field: it has a slash too many"),
        (b'{"A//B": 1}', "'A//B' cannot be the name of a metadata field: it has a slash too many"),
        (b'{"A/": 1}', "'A/' cannot be the name of a metadata field: it has a slash too many"),
        (b'{"Run": "\\u0000"}', "a character that XML cannot carry"),
        (b'{"Run": "\\ud800"}', "a character that XML cannot carry"),
        (b'{"Run": "\xff"}', "the message is not UTF-8: byte 9 is 0xff"),
        (json.dumps({"Run": "x" * 1_000_000}).encode(), "metadata field Run has 1000000 bytes"),
        (b"[" * 100_000, "the message is"),
        (b'{"Run": ' + b"9" * 5_000_000 + b"}", "the message has 5000009 bytes"),
    ],
)
def test_poison_is_told_by_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Poison) as caught:
        messages.decode("test-workflow", PLAIN, body)
    assert reason in str(caught.value)


@given(st.binary(max_size=200))
def test_no_body_breaks_the_decoder(body: bytes) -> None:
    try:
        metadata = messages.metadata_from_json(body)
    except Poison:
        return
    assert all(isinstance(value, str | list) for value in metadata.values())


@given(st.dictionaries(keys, st.one_of(scalars, st.lists(scalars, min_size=1, max_size=3)), max_size=5))
def test_what_is_encoded_is_decoded_to_the_same(fields: dict[str, object]) -> None:
    metadata = messages.metadata_from_object(fields)
    assert messages.metadata_from_json(messages.encode(metadata)) == metadata


def test_our_own_key_cannot_be_set_from_outside() -> None:
    assert messages.metadata_from_json(b'{"JobKey": "another-job", "Run": 1}') == {"Run": "1"}


@pytest.mark.parametrize("headers", [{"h": "x" * 130_000}, {"h": decimal.Decimal("1e300")}, {b"\xff": 1}])
def test_headers_that_cannot_be_sent_again_are_left_out(headers: dict[str, object]) -> None:
    properties = pika.BasicProperties(headers={**headers, "oodt-batch": "batch"})
    again = messages.republished(properties, job="job", reason="because")
    assert again.headers == {"oodt-batch": "batch", "oodt-reason": "because"}
    assert again.encode()


@given(st.text(max_size=3000))
def test_a_reason_is_bounded(key: str) -> None:
    with pytest.raises(Poison) as error:
        messages.metadata_from_object({f"{key}\0": "1"})
    assert len(str(error.value).encode()) <= 1000


@pytest.mark.parametrize(
    "value",
    [b"d" + struct.pack(">d", math.nan), b"f" + struct.pack(">f", math.inf), b"T" + struct.pack(">Q", 2**63)],
)
def test_header_values_that_pika_cannot_read_are_passed_over(value: bytes) -> None:
    pika_values.accept_all()
    table = b"\x01a" + value + b"\x01bt\x01"
    decoded, _ = pika.data.decode_table(struct.pack(">I", len(table)) + table, 0)
    assert decoded == {"a": None, "b": True}


@pytest.mark.parametrize("kind", [b"F", b"A"])
def test_tables_and_arrays_nested_beyond_pythons_stack_are_passed_over(kind: bytes) -> None:
    pika_values.accept_all()
    nested = b""
    for _ in range(5000):
        nested = (b"\x01a" if kind == b"F" else b"") + kind + struct.pack(">I", len(nested)) + nested
    table = (b"\x01a" if kind == b"A" else b"") + nested + b"\x01bt\x01"
    decoded, end = pika.data.decode_table(struct.pack(">I", len(table)) + table, 0)
    assert decoded["b"] is True
    assert end == 4 + len(table)
    again = messages.republished(pika.BasicProperties(headers=decoded), job="job-1")
    assert again.encode()


def test_the_message_id_is_the_job_id() -> None:
    assert messages.decode("test-workflow", PLAIN, b"{}").id == "job-1"


@pytest.mark.parametrize("message_id", ["../../etc/passwd", "a b", ".hidden", "x" * 200, "ä"])
def test_an_id_that_cannot_name_a_folder_is_replaced_by_the_same_safe_one_each_time(message_id: str) -> None:
    properties = pika.BasicProperties(message_id=message_id)
    first, second = (messages.job_id("test-workflow", properties, body) for body in (b"{}", b'{"Run": 1}'))
    assert first == second
    assert names.SAFE_ID.fullmatch(first)


def test_a_message_without_id_has_the_same_one_when_it_is_delivered_again() -> None:
    def delivered(**headers: int) -> pika.BasicProperties:
        return pika.BasicProperties(
            headers={"timestamp_in_ms": 1_700_000_000_123, **headers}, timestamp=1_700_000_000
        )

    once = messages.job_id("test-workflow", delivered(), b"{}")
    again = messages.job_id("test-workflow", delivered(**{"x-delivery-count": 1}), b"{}")
    assert once == again
    assert once != messages.job_id("test-workflow", delivered(), b'{"Run": 2}')
    assert once != messages.job_id("other-workflow", delivered(), b"{}")


def test_a_message_that_is_deferred_without_an_id_is_known_when_it_comes_back() -> None:
    received = pika.BasicProperties(headers={"timestamp_in_ms": 17})
    job = messages.decode("test-workflow", received, b"{}")
    deferred = messages.deferred(received, job)
    deferred.headers["timestamp_in_ms"] = 18
    again = messages.decode("test-workflow", deferred, b"{}")
    assert (again.id, again.identity) == (job.id, "time")
    assert (job.came_before, again.came_before) == (False, True)


@pytest.mark.parametrize(
    ("properties", "identity"),
    [
        (pika.BasicProperties(message_id="a", timestamp=17), "id"),
        (pika.BasicProperties(timestamp=17), "time"),
        (pika.BasicProperties(), "none"),
    ],
)
def test_a_job_tells_what_its_id_comes_from(properties: pika.BasicProperties, identity: str) -> None:
    assert messages.decode("test-workflow", properties, b"{}").identity == identity


def test_a_message_that_the_broker_delivers_again_came_before() -> None:
    job = messages.decode("test-workflow", pika.BasicProperties(message_id="a"), b"{}", redelivered=True)
    assert job.came_before


def test_a_republished_message_keeps_what_its_sender_said_and_its_id() -> None:
    received = pika.BasicProperties(
        headers={"Run": 1, "oodt-batch": "b", "x-death": [], "oodt-reason": "before"},
        priority=5,
        timestamp=17,
    )
    sent = messages.republished(received, job="d-1", reason="now")
    assert sent.message_id == "d-1"
    assert sent.headers == {"Run": 1, "oodt-batch": "b", "oodt-reason": "now"}
    assert (sent.priority, sent.timestamp, sent.delivery_mode) == (5, 17, 2)


@pytest.mark.parametrize("field", ["TaskId", "JobId", "ProcessingNode"])
def test_a_field_that_oodt_overwrites_is_refused_by_name(field: str) -> None:
    with pytest.raises(messages.Poison, match=f"metadata field {field} is OODT's own"):
        messages.metadata_from_object({field: "1"})


@pytest.mark.parametrize("message_id", ["job-1", "ID:host/7", "{0fe5-12}"])
def test_a_senders_message_id_leads_to_the_jobs_id(message_id: str) -> None:
    properties = pika.BasicProperties(message_id=message_id)
    assert messages.job_id_for(message_id) == messages.job_id("test-workflow", properties, b"{}")
