"""The history of jobs, on a real broker: what is remembered, who may ask, what a restart costs."""

import json

import pika
import pytest

from runtime import names
from testing.commands import WAIT, finish, start_submit, submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status

ODD_EVENTS: tuple[dict[str, object], ...] = (
    {"state": "ASLEEP"},
    {"state": ["RUNNING"]},
    {"state": "RUNNING", "run": "one"},
    {"state": "RUNNING", "node": {"a": 1}},
    {"state": "RUNNING", "queued": "yesterday", "started": 1.0},
    {"state": "RUNNING", "run": 2**70},
    {"state": "RUNNING", "products": 5},
)


def test_a_batch_and_its_jobs_are_remembered(worker: Worker, site: Site, status: Status) -> None:
    done = submit(site.broker_url, "--jobs", "3", "--batch-id", "three", *WAIT)
    assert done.code == 0, done.stderr
    until(lambda: _ended(status, "three") == 3, what="history")
    batch = status.get("batches/three")
    assert (batch["jobs"], batch["submitted"], batch["states"]) == (3, 3, {"SUCCEEDED": 3})
    job = status.get("jobs/test-workflow/three.1")
    assert (job["state"], job["attempts"], job["node"], len(job["products"])) == ("SUCCEEDED", 1, "node1", 2)
    assert [(run["run"], run["state"]) for run in job["runs"]] == [(1, "SUCCEEDED")]


def test_the_broker_itself_tells_queues_and_slots(worker: Worker, status: Status) -> None:
    overview = until(
        lambda: (o := status.get("overview"))["nodes"] and o, seconds=30, what="consumers in the overview"
    )
    assert overview["nodes"] == [{"node": "node1", "consumers": 1, "slots": 4, "busy": 0, "free": 4}]
    assert "test-workflow" in {queue["event"] for queue in overview["queues"]}


def test_what_happens_while_the_service_is_dead_is_told_to_the_next_one(
    worker: Worker, site: Site, status: Status
) -> None:
    status.kill()
    assert submit(site.broker_url, "--jobs", "4", "--batch-id", "missed", *WAIT).code == 0
    status.start()
    until(lambda: _ended(status, "missed") == 4, what="history")


def test_a_lost_history_begins_anew_with_the_next_event(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    gate = site.folder / "go-on"
    jobs = ("--jobs", "2", "--metadata", f"Until={gate}", "--batch-id", "lost")
    running = start_submit(site.broker_url, "--event", "test-workflow", *jobs, *WAIT)
    until(lambda: status.get("jobs?batch=lost&state=RUNNING")["jobs"], what="running jobs")
    status.stop()
    for file in status.data.iterdir():
        file.unlink()
    status.start()
    gate.touch()
    assert finish(running).code == 0
    until(lambda: _ended(status, "lost") == 2, what="history")
    until(lambda: vhost.messages(names.STATUS_QUEUE) == 0, what="empty queue")


def test_a_restart_of_the_broker_loses_no_history(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    jobs = ("--jobs", "6", "--metadata", "Seconds=1", "--batch-id", "restart")
    running = start_submit(site.broker_url, "--event", "test-workflow", *jobs, "--wait", "--json")
    until(lambda: status.get("jobs?batch=restart")["jobs"], what="first job")
    vhost.server.restart()
    vhost.server.wait()
    assert finish(running).code == 0
    until(lambda: _ended(status, "restart") == 6, seconds=60, what="history")


def test_what_is_no_event_is_passed_over_and_the_next_one_counts(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    odd = {"job": "odd", "event": "test-workflow", "node": "n", "attempts": 1, "run": 1}
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        for body in (
            *(b"", b"\xff", b"[]", b"5", b"{}", b'{"state": "RUNNING"}'),
            *(json.dumps({**odd, **change}).encode() for change in ODD_EVENTS),
        ):
            connection.channel().basic_publish(names.EVENTS_EXCHANGE, "test-workflow.RUNNING", body)
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "fine", *WAIT).code == 0
    until(lambda: _ended(status, "fine") == 2, what="history")
    assert status.get("jobs?job=odd")["jobs"] == []


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_nothing_is_told_or_done(status: Status, token: str | None) -> None:
    for method, path in (
        ("GET", "/api/v1/overview"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/batches/b/cancel"),
        ("DELETE", "/api/v1/history?until=9"),
    ):
        assert status.request(method, path, token)[0] == 401


def test_the_page_and_the_metrics_need_no_token_and_no_secret_is_in_them(status: Status) -> None:
    for path in ("/", "/metrics", "/healthz", "/openapi.json"):
        code, body = status.request("GET", path, None)
        assert code == 200
        assert "only-for-tests" not in body
    assert "only-for-tests" not in status.log


@pytest.mark.parametrize(
    ("path", "code", "error"),
    [
        ("jobs?limit=0", 400, "limit is 0: use 1 to 1000"),
        ("jobs?limit=x", 400, "limit is 'x': use a whole number"),
        ("jobs?nod=n", 400, "unknown parameter 'nod'"),
        ("batches/none", 404, "no batch none is known"),
        ("jobs/test-workflow/none", 404, "no job none of event test-workflow is known"),
        ("nothing", 404, "Not Found"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(
    status: Status, path: str, code: int, error: str
) -> None:
    answered, body = status.request("GET", f"/api/v1/{path}")
    assert answered == code
    assert error in json.loads(body)["error"]


def test_prometheus_reads_what_was_done(worker: Worker, site: Site, status: Status) -> None:
    assert submit(site.broker_url, "--jobs", "2", *WAIT).code == 0
    assert submit(site.broker_url, "--jobs", "1", "--metadata", "Fail=exit", *WAIT).code == 1
    event = '{event="test-workflow"}'
    until(lambda: _value(_metrics(status), "dead", event), what="metrics")
    lines = _metrics(status)
    values = {name: _value(lines, name, event) for name in ("succeeded", "dead", "retries")}
    assert values == {"succeeded": 2, "dead": 1, "retries": 2}
    assert f"oodt_job_run_seconds_count{event} 5.0" in lines
    assert f"oodt_job_queued_seconds_count{event} 3.0" in lines
    assert "oodt_broker_up 1.0" in lines


def _metrics(status: Status) -> list[str]:
    return status.request("GET", "/metrics")[1].splitlines()


def _value(lines: list[str], name: str, labels: str) -> float | None:
    start = f"oodt_jobs_{name}_total{labels} "
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)


def _ended(status: Status, batch: str) -> int:
    code, body = status.request("GET", f"/api/v1/batches/{batch}")
    return int(json.loads(body)["ended"]) if code == 200 else 0
