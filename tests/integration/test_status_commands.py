"""status, cancel and redrive, as an operator types them."""

from collections.abc import Callable
from typing import Any

from testing.commands import FOLLOW, WAIT, command, finish, start_submit, submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status

EVENT = ("--event", "test-workflow")


def running(status: Status, batch: str, jobs: int = 1) -> None:
    until(lambda: len(status.get(f"jobs?batch={batch}&state=RUNNING")["jobs"]) == jobs, what="running jobs")


def test_status_tells_of_cluster_batch_and_job(worker: Worker, site: Site, status: Status) -> None:
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "good", *WAIT).code == 0
    assert (
        submit(site.broker_url, "--jobs", "1", "--batch-id", "bad", "--metadata", "Fail=exit", *WAIT).code
        == 1
    )

    overview = command("status", status.commands, *FOLLOW, "--json")
    assert overview.code == 0, overview.stderr
    assert {batch["batch"] for batch in overview.result["batches"]} == {"good", "bad"}
    assert [reason["jobs"] for reason in overview.result["reasons"]] == [1]

    good = command("status", status.commands, "--batch", "good", *FOLLOW)
    assert (good.code, "done" in good.stdout) == (0, True), good.stderr
    bad = command("status", status.commands, "--batch", "bad", "--json")
    assert (bad.code, bad.result["states"]) == (1, {"DEAD": 1})

    job = command("status", status.commands, "--job", "bad.1")
    assert job.code == 1
    assert job.stdout.count("its program did not exit with 0") >= 2
    assert "node1" in job.stdout
    job = command("status", status.commands, "--job", "good.1", "--json")
    assert (job.code, len(job.result["products"]), len(job.result["runs"])) == (0, 2, 1)


def test_logs_tell_the_story_of_a_job_in_one_order(worker: Worker, site: Site, status: Status) -> None:
    submit(site.broker_url, "--jobs", "1", "--batch-id", "bad", "--metadata", "Fail=exit", *WAIT)

    def story() -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = command("logs", status.commands, "--job", "bad.1", "--json").result[
            "story"
        ]
        return told

    # The journal of a run is kept after its verdict.
    until(lambda: "workflow manager" in {each["by"] for each in story()[-4:]}, what="journal of the last run")
    told = story()
    assert told == sorted(told, key=lambda each: each["at"])
    assert told[0]["text"] == "it was submitted"
    begun = [each["text"] for each in told if "begins on" in each["text"]]
    assert begun == [f"run bad.1{end} begins on node1" for end in ("", "~2", "~3")]
    assert [each["run"] for each in told if "its program did not exit with 0" in each["text"]][-1] == 3
    shown = command("logs", status.commands, "--job", "bad.1")
    assert shown.code == 0 and shown.stdout.count("consumer") >= 6
    assert command("logs", status.commands, "--job", "none.1").code == 2


def test_status_says_what_is_wrong(status: Status) -> None:
    unknown = command("status", status.commands, "--batch", "none")
    assert (unknown.code, unknown.stderr) == (2, "no batch none is known\n")
    refused = command("status", {**status.commands, "STATUS_TOKEN": "wrong"})
    assert refused.code == 3 and "correct STATUS_TOKEN" in refused.stderr
    away = command("status", {**status.commands, "STATUS_URL": "http://127.0.0.1:9"})
    assert away.code == 3 and "no answer from the status service" in away.stderr


def test_a_running_job_is_cancelled_and_leaves_no_product(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    jobs = ("--jobs", "1", "--batch-id", "long", "--metadata", "Seconds=20")
    waiting = start_submit(site.broker_url, *EVENT, *jobs, *WAIT)
    running(status, "long")
    cancelled = command("cancel", status.commands, "--job", "long.1", "--json")
    assert cancelled.code == 0, cancelled.stderr
    assert cancelled.result["jobs"][0]["state"] == "CANCELLED"
    done = finish(waiting)
    assert (done.code, done.result["cancelled"]) == (1, 1)
    until(lambda: status.get("jobs/test-workflow/long.1")["state"] == "CANCELLED", what="history")
    until(
        lambda: all(vhost.messages(queue) == 0 for queue in ("test-workflow", "test-workflow.retry.5")),
        seconds=40,
        what="empty queues",
    )
    assert site.products() == site.archived() == []
    again = command("cancel", status.commands, "--job", "long.1")
    assert again.code == 0


def test_a_batch_is_cancelled_its_queued_jobs_never_run(
    make_worker: Callable[..., Worker], site: Site, status: Status
) -> None:
    make_worker(settings={"MAX_WORKFLOWS": "1"}).start()
    jobs = ("--jobs", "20", "--batch-id", "many", "--metadata", "Seconds=60")
    waiting = start_submit(site.broker_url, *EVENT, *jobs, *WAIT)
    running(status, "many")
    assert submit(site.broker_url, "--jobs", "1", "--batch-id", "other").code == 0
    cancelled = command("cancel", status.commands, "--batch", "many", "--json")
    assert (cancelled.code, cancelled.result) == (0, {"batch": "many", "stopped": 1})
    done = finish(waiting)
    assert (done.code, done.result["cancelled"], done.result["succeeded"]) == (1, 20, 0)
    until(lambda: len(site.archived()) == 2, what="the other batch")
    assert {name.split(".")[0] for name in site.products()} == {"other"}


def test_a_job_that_has_ended_cannot_be_cancelled(worker: Worker, site: Site, status: Status) -> None:
    assert submit(site.broker_url, "--jobs", "1", "--batch-id", "quick", *WAIT).code == 0
    until(lambda: status.get("jobs?batch=quick&state=SUCCEEDED")["jobs"], what="history")
    late = command("cancel", status.commands, "--job", "quick.1")
    assert (late.code, late.stdout) == (1, "quick.1: succeeded already\n")
    assert len(site.products()) == 2


def test_dead_jobs_are_redriven_by_what_they_died_of(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    for batch, fail in (("one", "exit"), ("two", "output")):
        jobs = ("--jobs", "2", "--batch-id", batch, "--metadata", f"Fail={fail}")
        assert submit(site.broker_url, *jobs, *WAIT).code == 1
    until(lambda: vhost.messages("test-workflow.dead") == 4, what="dead jobs")

    nothing = command("redrive", status.commands, *EVENT, "--job", "one.1", "--job", "none", "--json")
    assert nothing.code == 1 and "none" in nothing.stderr
    assert (nothing.result["redriven"], nothing.result["left"]) == (1, 3)

    some = command("redrive", status.commands, *EVENT, "--reason", "no file matches", "--json")
    assert some.code == 0, some.stderr
    assert sorted(some.result["jobs"]) == ["two.1", "two.2"]

    def attempts() -> bool:
        job = status.get("jobs/test-workflow/two.1")
        return job["state"] == "DEAD" and len(job["runs"]) == 6 and job["attempts"] == 3

    until(attempts, seconds=60, what="three further attempts")
    until(lambda: vhost.messages("test-workflow.dead") == 4, what="dead jobs")


def test_messages_of_dead_jobs_go_only_when_they_are_named(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    vhost.publish("test-workflow", b"no JSON")
    jobs = ("--jobs", "2", "--metadata", "Fail=exit", "--batch-id", "bad")
    assert submit(site.broker_url, *jobs, *WAIT).code == 1
    until(lambda: vhost.messages("test-workflow.dead") == 3, what="dead jobs")
    here = {
        **status.commands,
        "OODT_ARCHIVE": str(site.folder / "work" / "archive"),
        "OODT_JOBS": str(site.folder / "work"),
        "OODT_LEDGER": str(site.folder / "ledger"),
    }

    young = command("clean", here, "dead", "--older-than", "1h", "--yes", "--json")
    assert (young.code, young.result["dead"]) == (0, {"messages": 0}), young.stderr
    planned = command("clean", here, "dead", "--json")
    assert planned.result["dead"] == {"messages": 3}
    until(lambda: vhost.messages("test-workflow.dead") == 3, what="messages that were only looked at")
    done = command("clean", here, "dead", "--yes")
    assert done.code == 0, done.stderr
    assert "queues: 3 messages of dead jobs\n  test-workflow/" in done.stdout
    until(lambda: vhost.messages("test-workflow.dead") == 0, what="acknowledged messages")
    assert (site.folder / "ledger" / "test-workflow" / "bad.1" / "discarded").exists()
    assert command("status", status.commands, "--job", "bad.1", "--json").result["state"] == "DEAD"


def test_redrive_says_what_is_wrong(vhost: VirtualHost) -> None:
    environment = {"RABBITMQ_USER_URL": vhost.url}
    unknown = command("redrive", environment, "--event", "nothing", "--all")
    assert unknown.code == 2 and "no queue nothing.dead" in unknown.stderr
    unsaid = command("redrive", environment, *EVENT)
    assert unsaid.code == 2 and "--all" in unsaid.stderr
    away = command("redrive", {"RABBITMQ_USER_URL": "amqp://u:p@127.0.0.1:9/%2F"}, *EVENT, "--all")
    assert away.code == 3 and "no broker" in away.stderr
