"""What operators do, with a real broker: edit and redrive, pause and resume, delete, each on record."""

import pytest

from runtime.messaging.blocking import connection
from runtime.messaging.dead_queue import DeadQueue, Taken
from testing.commands import WAIT, command, finish, start_submit, submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status

EVENT = ("--event", "test-workflow")


def actions(status: Status) -> list[str]:
    return [change["subject"] for change in status.get("changes?kind=action")["changes"]]


def test_dead_jobs_succeed_with_edited_metadata_and_it_is_on_record_who_did_it(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    jobs = ("--jobs", "3", "--batch-id", "bad", "--metadata", "Fail=exit", "--metadata", "Keep=1")
    assert submit(site.broker_url, *jobs, *WAIT).code == 1
    until(lambda: vhost.messages("test-workflow.dead") == 3, what="dead jobs")

    planned = command("redrive", status.commands, *EVENT, "--batch", "bad", "--dry-run")
    assert planned.stdout == "3 jobs of 1 batch of test-workflow would be queued again, 0 would stay dead\n"
    until(lambda: vhost.messages("test-workflow.dead") == 3, what="dead jobs that were only looked at")

    edited = command("redrive", status.commands, *EVENT, "--batch", "bad", "--without", "Fail", "--json")
    assert (edited.code, edited.result["redriven"]) == (0, 3), edited.stderr
    until(lambda: len(site.products()) == 6, seconds=60, what="products of all three")
    until(lambda: len(status.get("jobs?batch=bad&state=SUCCEEDED")["jobs"]) == 3, what="history")
    assert vhost.messages("test-workflow.dead") == 0

    job = command("status", status.commands, "--job", "bad.1", "--json")
    (change,) = job.result["changes"]
    assert (change["subject"], change["before"]) == ("edit", {"Fail": "exit"})
    assert "@" in change["who"] and change["what"] == "3 jobs of 1 batch queued again with without Fail"


def test_the_api_redrives_as_the_command_does(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    assert (
        submit(site.broker_url, "--jobs", "1", "--batch-id", "b", "--metadata", "Fail=exit", *WAIT).code == 1
    )
    until(lambda: vhost.messages("test-workflow.dead") == 1, what="a dead job")
    asked = {"event": "test-workflow", "jobs": ["b.1"], "metadata": {"Fail": "no"}}
    code, planned = status.post("redrive", {**asked, "dry_run": True})
    assert (code, planned["redriven"], planned["done"], planned["text"]) == (
        200,
        1,
        False,
        "1 job of 1 batch",
    )
    code, done = status.post("redrive", asked, who="ann")
    assert (code, done["jobs"], done["done"]) == (200, ["b.1"], True)
    until(lambda: status.get("jobs/test-workflow/b.1")["state"] == "SUCCEEDED", what="the job's success")
    (change,) = status.get("changes/test-workflow/b.1")["changes"]
    assert (change["who"], change["before"]) == ("ann", {"Fail": "exit"})
    code, refused = status.post("redrive", {"event": "nothing", "all": True})
    assert (code, refused["error"]) == (404, "the broker has no queue nothing.dead")


def test_one_program_at_a_time_looks_through_dead_jobs(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    jobs = ("--jobs", "3", "--batch-id", "b", "--metadata", "Fail=exit")
    assert submit(site.broker_url, *jobs, *WAIT).code == 1
    until(lambda: vhost.messages("test-workflow.dead") == 3, what="dead jobs")
    with connection(site.broker_url, name="first") as (first, _):
        holder = DeadQueue(first, "test-workflow")
        assert len(list(holder)) == holder.messages == 3
        with (
            connection(site.broker_url, name="second") as (second, _),
            pytest.raises(Taken, match="the dead jobs of test-workflow"),
        ):
            DeadQueue(second, "test-workflow", turn_within=0)
        holder.hand_back()
        assert vhost.messages("test-workflow.dead") == 3
        assert len(list(holder)) == 3
    # It has ended without a hand-back, as one that was killed.
    with connection(site.broker_url, name="third") as (third, _):
        assert len(list(DeadQueue(third, "test-workflow"))) == 3


def test_no_job_of_a_paused_event_begins_until_it_is_resumed(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    running = start_submit(
        site.broker_url, *EVENT, "--jobs", "1", "--batch-id", "one", "--metadata", "Seconds=8", *WAIT
    )
    until(lambda: status.get("jobs?batch=one&state=RUNNING")["jobs"], what="a running job")
    assert command("pause", status.commands, *EVENT).code == 0
    worker.wait_for_log("consumer", "jobs of test-workflow are paused")
    waiting = start_submit(site.broker_url, *EVENT, "--jobs", "2", "--batch-id", "two", *WAIT)
    assert finish(running).code == 0  # it went on
    until(lambda: vhost.messages("test-workflow") == 2, what="the two that wait")
    worker.kill("consumer")
    status.stop()
    status.start()
    worker.start("consumer")
    paused = "jobs of test-workflow are paused"
    until(lambda: worker.log("consumer").read_text().count(paused) == 2, what="the new consumer's look")
    paused_events = [queue["event"] for queue in status.get("overview")["queues"] if queue["paused"]]
    assert paused_events == ["test-workflow"]
    assert 'oodt_event_paused{event="test-workflow"} 1.0' in status.request("GET", "/metrics", token=None)[1]
    assert vhost.messages("test-workflow") == 2
    assert not status.get("jobs?batch=two")["jobs"]
    assert command("resume", status.commands, *EVENT).code == 0
    assert finish(waiting).code == 0
    again = command("resume", status.commands, *EVENT, "--json")
    assert again.result["changed"] is False
    assert actions(status) == ["resume", "pause"]


def test_products_of_a_batch_are_deleted_and_its_jobs_do_not_run_again(
    worker: Worker, site: Site, status: Status
) -> None:
    for batch in ("goes", "stays"):
        assert submit(site.broker_url, "--jobs", "2", "--batch-id", batch, *WAIT).code == 0
    until(lambda: len(status.get("jobs?state=SUCCEEDED")["jobs"]) == 4, what="history")
    planned = command("delete", status.commands, *EVENT, "--batch", "goes")
    assert planned.stdout == "4 products of 2 jobs: nothing was deleted, add --yes to do it\n", planned.stderr
    assert len(site.products()) == 8
    done = command("delete", status.commands, *EVENT, "--batch", "goes", "--yes", "--json")
    assert (done.result["products"], done.result["jobs"], done.result["done"]) == (4, 2, True), done.stderr
    assert {name.split(".")[0] for name in site.products()} == {"stays"}
    assert len(site.archived()) == 4
    assert status.get("jobs/test-workflow/goes.1")["products"] == []
    assert submit(site.broker_url, "--jobs", "2", "--batch-id", "goes", *WAIT).code == 0
    assert {name.split(".")[0] for name in site.products()} == {"stays"}
    assert command("delete", status.commands, *EVENT, "--batch", "goes", "--json").result["products"] == 0
    assert actions(status) == ["delete"]
