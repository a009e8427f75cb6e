"""A message that is made again from a job's record is the same job."""

import json
from dataclasses import replace

import pika

from runtime.messaging import messages, recorded

EVENT = "test-workflow"


def test_a_message_that_is_made_again_is_the_same_job() -> None:
    properties = pika.BasicProperties(
        message_id="batch.1", priority=5, timestamp=100, headers={"oodt-batch": "batch"}
    )
    job = messages.decode(EVENT, properties, b'{"Run": 1.50, "Name": ["a", "b"]}')
    record = json.loads(json.dumps(recorded.of(job)))
    assert messages.decode(EVENT, *recorded.again(job.id, record)) == job


def test_a_message_without_an_id_gets_the_one_that_was_derived() -> None:
    job = messages.decode(EVENT, pika.BasicProperties(timestamp=100), b"{}")
    again = messages.decode(EVENT, *recorded.again(job.id, recorded.of(job), redrive="one"))
    assert again == replace(job, identity="id", redrive="one")
