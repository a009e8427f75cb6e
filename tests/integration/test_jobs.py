"""Jobs from submission to verdict, on a real broker."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pika
import pika.data
import pytest

from runtime.messaging.event import AMQP_PRIORITY
from runtime.records import entries
from testing.commands import WAIT, Done, command, submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.overlap import most_jobs_at_once, verdicts


class Raw(bytes):
    """A header value as it goes over the wire, with its type."""


ENCODE_VALUE = pika.data.encode_value


def encode_any_value(pieces: list[bytes], value: object) -> int:
    if isinstance(value, Raw):
        pieces.append(value)
        return len(value)
    return int(ENCODE_VALUE(pieces, value))


def run(vhost: VirtualHost, *metadata: str, jobs: int = 1) -> Done:
    fields = [argument for pair in metadata for argument in ("--metadata", pair)]
    return submit(vhost.url, "--jobs", str(jobs), *fields, *WAIT)


def dead_letter(vhost: VirtualHost, queue: str = "test-workflow.dead") -> tuple[str, str]:
    """Id and reason of the next message in the dead queue."""
    properties, _ = until(lambda: vhost.take(queue), what="dead-lettered message")
    return properties.message_id, properties.headers["oodt-reason"]


def test_ten_jobs_succeed_with_two_products_each(worker: Worker, site: Site, vhost: VirtualHost) -> None:
    done = run(vhost, "Dataset=abc", jobs=10)

    assert done.code == 0, done.stderr
    result = done.result
    assert (result["submitted"], result["succeeded"], result["failed"], result["cancelled"]) == (10, 10, 0, 0)
    seen = {(job["state"], job["attempts"], len(job["products"])) for job in result["jobs"]}
    assert seen == {("SUCCEEDED", 1, 2)}
    assert len(site.products()) == len(site.archived()) == 20
    until(lambda: vhost.messages("test-workflow") == 0, what="empty queue")
    until(lambda: list((worker.run_dir / "runs").iterdir()) == [], what="journals that are gone")


def dead_jobs(site: Site, event: str = "test-workflow") -> dict[str, str]:
    """Reasons of dead jobs by their ids, as the ledger has them."""
    histories = {
        folder.name: entries.read_all(folder) for folder in (site.folder / "ledger" / event).glob("*")
    }
    return {
        job: history[-1]["reason"]
        for job, history in histories.items()
        if history[-1:] and history[-1].get("state") == "DEAD"
    }


def test_a_job_whose_message_expires_is_dead_with_that_reason(
    site: Site, vhost: VirtualHost, make_worker: Callable[..., Worker]
) -> None:
    vhost.publish("test-workflow", b"{}", pika.BasicProperties(message_id="late", expiration="1"))
    until(lambda: vhost.messages("test-workflow.abandoned") == 1, what="abandoned message")
    make_worker().start()
    job, reason = dead_letter(vhost)
    assert (job, dead_jobs(site)) == ("late", {"late": reason})
    assert "time to live was over" in reason


def test_a_job_whose_message_is_returned_again_and_again_is_dead_with_that_reason(
    site: Site, vhost: VirtualHost, make_worker: Callable[..., Worker]
) -> None:
    vhost.publish("test-workflow", b"{}", pika.BasicProperties(message_id="restless"))
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        while (method := channel.basic_get("test-workflow")[0]) is not None:
            channel.basic_nack(method.delivery_tag, requeue=True)
    make_worker().start()
    job, reason = dead_letter(vhost)
    assert (job, dead_jobs(site)) == ("restless", {"restless": reason})
    assert "delivered too often" in reason


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        ("exit", "task urn:test:TaskOne: its program did not exit with 0"),
        ("task2", "task urn:test:TaskTwo: its program did not exit with 0"),
        ("output", "task urn:test:TaskOne: no file matches .*dat in"),
        ("refuse-event", "the Workflow Manager refused it"),
    ],
)
def test_a_job_that_always_fails_is_dead_after_its_attempts_and_leaves_no_product(
    worker: Worker, site: Site, vhost: VirtualHost, fail: str, reason: str
) -> None:
    done = run(vhost, f"Fail={fail}")

    assert done.code == 1, done.stderr
    [job] = done.result["jobs"]
    assert (job["state"], job["attempts"], job["products"]) == ("DEAD", 3, [])
    assert job["reason"].startswith(reason)
    assert site.products() == site.archived() == []
    assert dead_letter(vhost) == (job["id"], job["reason"])


def test_a_job_that_fails_once_succeeds_at_its_second_attempt(
    worker: Worker, site: Site, vhost: VirtualHost, tmp_path: Path
) -> None:
    done = run(vhost, "Fail=task2", f"Attempts={tmp_path / 'attempts'}")

    [job] = done.result["jobs"]
    assert (done.code, job["state"], job["attempts"]) == (0, "SUCCEEDED", 2)
    assert site.products() == [f"{job['id']}~2_1.dat", f"{job['id']}~2_2.dat"]


def test_an_ingest_that_the_file_manager_refuses_is_a_failed_attempt(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    site.file_manager.standin.refuse(1)
    done = run(vhost)

    [job] = done.result["jobs"]
    assert (done.code, job["state"], job["attempts"]) == (0, "SUCCEEDED", 2)
    assert len(site.products()) == len(site.archived()) == 2


def test_missing_metadata_is_not_tried_again(worker: Worker, vhost: VirtualHost) -> None:
    done = submit(vhost.url, "--jobs", "1", "--counter", "Other", *WAIT)

    [job] = done.result["jobs"]
    assert (done.code, job["state"], job["attempts"]) == (1, "DEAD", 1)
    assert job["reason"] == "task urn:test:TaskOne: metadata field Run is missing"


def test_a_job_that_hangs_fails_at_its_time_limit_and_frees_its_slot(
    make_worker: Callable[..., Worker], vhost: VirtualHost
) -> None:
    make_worker(settings={"JOB_TIMEOUT": "10", "MAX_ATTEMPTS": "1", "MAX_WORKFLOWS": "1"}).start()
    done = run(vhost, "Hang=true", "Output=waiting for godot")

    [job] = done.result["jobs"]
    assert (done.code, job["state"], job["reason"]) == (1, "DEAD", "it did not end within 10 s")
    assert job["log"] == "waiting for godot"
    assert run(vhost, jobs=3).result["succeeded"] == 3


def test_a_dead_job_has_the_end_of_its_log_and_no_password_in_it(worker: Worker, vhost: VirtualHost) -> None:
    lines = [f"step {number}" for number in range(1000)]
    output = "\n".join([*lines, "no route to http://me:secret@archive:80/", "giving up"])
    done = run(vhost, "Fail=exit", f"Output={output}")

    [job] = done.result["jobs"]
    assert job["log"].endswith("step 999\nno route to http://...@archive:80/\ngiving up")
    assert job["log"].startswith("step ")
    assert len(job["log"]) <= 4096
    properties, _ = until(lambda: vhost.take("test-workflow.dead"), what="dead-lettered message")
    assert job["log"].endswith(properties.headers["oodt-log"])
    assert 900 < len(properties.headers["oodt-log"]) <= 1024


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "the message is not JSON"),
        (b"[1]", "the message is a JSON array"),
        (b'{"Run": {"nested": 1}}', "metadata field Run holds a JSON object"),
        (b'{"Run": "\xff"}', "the message is not UTF-8"),
        (json.dumps({"Run": "x" * 1_000_000}).encode(), "metadata field Run has 1000000 bytes"),
        (json.dumps({"k\0" * 200_000: "1"}).encode(), "'k"),
        (b"[" * 200_000, "the message is nested too deeply"),
        (b'{"Run": NaN}', "the message is not JSON"),
        (b'{"Run": "\\ud800"}', "metadata field Run holds a character that XML cannot carry"),
        (b"", "the message is not JSON"),
    ],
    ids=["text", "array", "nested", "encoding", "size", "name", "deep", "nan", "surrogate", "empty"],
)
def test_poison_is_dead_lettered_with_its_reason_and_the_next_job_runs(
    worker: Worker, vhost: VirtualHost, body: bytes, reason: str
) -> None:
    vhost.publish("test-workflow", body)
    assert run(vhost).code == 0
    assert dead_letter(vhost)[1].startswith(reason)


@pytest.mark.parametrize(
    "headers",
    [
        {"h": "x" * 130_000},
        {
            "oodt-batch": {"a": [1, None]},
            "oodt-reason": 5,
            "timestamp_in_ms": "x",
            "x-death": [{"count": 2**40}],
        },
        {"late": Raw(b"T" + struct.pack(">Q", 2**63))},
        {"text": Raw(b"S\0\0\0\1\xff")},
    ],
    ids=["large", "odd", "late", "encoding"],
)
def test_odd_headers_do_not_hold_up_a_queue(
    worker: Worker, vhost: VirtualHost, headers: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pika.data, "encode_value", encode_any_value)
    properties = pika.BasicProperties(message_id="..", headers=headers, delivery_mode=2)
    # The reason, too, may be larger than a frame: it names the field.
    vhost.publish("test-workflow", json.dumps({"k" * 200_000: {}}).encode(), properties)
    assert run(vhost).code == 0
    assert dead_letter(vhost)[1].startswith("metadata field kkk")


def test_an_event_that_the_workflow_manager_does_not_know_is_dead_lettered(
    make_worker: Callable[..., Worker], vhost: VirtualHost
) -> None:
    make_worker(settings={"WORKFLOW_QUEUE": "unknown-event"}).start()
    vhost.publish("unknown-event", b'{"Run": 1}')
    reason = dead_letter(vhost, "unknown-event.dead")[1]
    assert reason == "the Workflow Manager knows no event unknown-event"


def test_a_message_of_an_old_producer_is_a_job(worker: Worker, site: Site, vhost: VirtualHost) -> None:
    metadata = {"Dataset": "abc", "Project": "123", "Run": 1}
    properties = pika.BasicProperties(headers=metadata, delivery_mode=2)
    vhost.publish("test-workflow", json.dumps(metadata).encode(), properties)
    until(lambda: len(site.archived()) == 2, what="archive")
    until(lambda: vhost.messages("test-workflow") == 0, what="empty queue")


def test_a_batch_that_is_submitted_again_is_not_run_again(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    arguments = ("--jobs", "3", "--batch-id", "once", *WAIT)
    first, second = (submit(vhost.url, *arguments).result for _ in range(2))

    assert first["succeeded"] == second["succeeded"] == 3
    products = [sorted(str(job["products"]) for job in result["jobs"]) for result in (first, second)]
    assert products[0] == products[1]
    assert len(site.products()) == len(site.archived()) == 6


def test_a_message_that_was_sent_twice_is_run_once(worker: Worker, site: Site, vhost: VirtualHost) -> None:
    for _ in range(2):
        properties = pika.BasicProperties(message_id="twice", delivery_mode=2)
        vhost.publish("test-workflow", b'{"Run": 1, "Seconds": "0.5"}', properties)
    until(lambda: len(site.archived()) == 2, what="archive")
    until(lambda: vhost.messages("test-workflow") == 0, what="empty queue")
    assert site.products() == ["twice_1.dat", "twice_2.dat"]


def test_as_many_jobs_run_at_once_as_are_allowed_and_no_more(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    make_worker(settings={"MAX_WORKFLOWS": "2"}).start()
    done = run(vhost, "Seconds=0.2", jobs=6)
    assert done.code == 0
    assert len(verdicts(site)) == 6
    assert most_jobs_at_once(site) == 2


def test_one_consumer_serves_several_events(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    events = [{"event": "test-workflow", "max_workflows": 1}, {"event": "other-workflow", "max_workflows": 1}]
    make_worker(settings={"EVENTS": json.dumps(events)}).start()
    for queue in ("test-workflow", "other-workflow"):
        vhost.publish(queue, b'{"Run": 1}')
    until(lambda: len(site.archived()) == 4, what="archive")


def test_a_job_has_its_events_own_priority_unless_another_is_asked_for(vhost: VirtualHost) -> None:
    events = '[{"event": "test-workflow", "priority": "high"}]'
    environment = {"RABBITMQ_USER_URL": vhost.url, "EVENTS": events}
    jobs = ("--event", "test-workflow", "--jobs", "1")
    for name, arguments, priority in (
        ("submit", jobs, AMQP_PRIORITY["high"]),
        ("submit", (*jobs, "--priority", "normal"), AMQP_PRIORITY["normal"]),
        ("rabbitmq_producer", ("test-workflow", "1"), AMQP_PRIORITY["high"]),
    ):
        done = command(name, environment, *arguments)
        assert done.code == 0, done.stderr
        taken = vhost.take("test-workflow")
        assert taken is not None and taken[0].priority == priority


def test_jobs_of_high_priority_come_first(
    make_worker: Callable[..., Worker], site: Site, vhost: VirtualHost
) -> None:
    for priority in ("normal", "high"):
        assert submit(vhost.url, "--jobs", "9", "--batch-id", priority, "--priority", priority).code == 0
    make_worker(settings={"MAX_WORKFLOWS": "1"}).start()
    until(lambda: len(site.archived()) == 36, what="archive")
    made: object = site.file_manager.standin.products()
    assert isinstance(made, list)
    order = [product["name"].split(".")[0] for product in made]
    # RabbitMQ takes two of high priority for each normal one.
    assert order[:18].count("high") >= 10
