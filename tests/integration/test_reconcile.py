"""What is broken by hand in queue, ledger, catalogue or archive is named and mended, with a real broker."""

import os
import shutil
import time
from typing import Any

from runtime import names
from runtime.messaging import messages
from runtime.messaging.blocking import connection, publish
from runtime.messaging.dead_queue import DeadQueue
from testing.commands import WAIT, command, submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status

EVENT = "test-workflow"


def reconcile(site: Site, status: Status, *arguments: str) -> tuple[int, dict[str, int]]:
    """The exit code, and how many findings of each kind there were."""
    places = {
        # The stand-in's archive has no folders for product types, so it is taken for one itself.
        "OODT_ARCHIVE": str(site.folder / "work"),
        "OODT_JOBS": str(site.folder / "jobs"),
        "OODT_LEDGER": str(site.folder / "ledger"),
        "PROXIED_FILEMGR_URL": site.filemgr_url,
    }
    done = command("reconcile", {**status.commands, **places}, *arguments, "--json")
    kinds: dict[str, dict[str, Any]] = done.result["kinds"]
    return done.code, {name: kind["found"] for name, kind in kinds.items() if kind["found"]}


def submitted(site: Site, batch: str, *arguments: str) -> int:
    return submit(site.broker_url, "--jobs", "2", "--batch-id", batch, *arguments, *WAIT).code


def whole(site: Site, products: int) -> None:
    """Wait until catalogue and archive have so many products again."""
    until(lambda: len(site.products()) == len(site.archived()) == products, seconds=60, what="products")


def again_succeeded(status: Status, job: str) -> bool:
    found = status.get(f"jobs/test-workflow/{job}")
    return (found["run"], found["state"]) == (2, "SUCCEEDED")


def test_what_is_gone_from_catalogue_or_archive_is_made_again(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    assert submitted(site, "good") == 0
    assert reconcile(site, status) == (0, {})
    before = site.products()
    products: Any = site.file_manager.standin.products()
    (site.folder / "work" / "archive" / products[0]["name"]).unlink()
    other = next(each for each in products if each["metadata"] != products[0]["metadata"])
    site.file_manager.filemgr.removeProduct(other)

    code, found = reconcile(site, status)
    assert (code, found["incomplete"]) == (1, 2)
    code, found = reconcile(site, status, "incomplete", "--yes")
    assert found["incomplete"] == 2
    whole(site, len(before))
    until(lambda: again_succeeded(status, "good.1"), what="the second run in the history")
    assert len(status.get("jobs/test-workflow/good.1")["runs"]) == 2
    until(lambda: vhost.messages(EVENT) == 0, what="an empty queue")
    assert reconcile(site, status)[0] == 0


def test_a_dead_job_whose_message_was_purged_can_be_redriven_again(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    assert submitted(site, "bad", "--metadata", "Fail=exit") == 1
    until(lambda: vhost.messages(f"{EVENT}.dead") == 2, what="dead messages")
    assert reconcile(site, status) == (0, {})
    while vhost.take(f"{EVENT}.dead"):
        pass
    assert reconcile(site, status) == (1, {"dead": 2})
    assert reconcile(site, status, "dead", "--yes") == (0, {"dead": 2})
    until(lambda: vhost.messages(f"{EVENT}.dead") == 2, what="dead messages")
    redriven = command("redrive", status.commands, "--event", EVENT, "--batch", "bad", "--json")
    assert (redriven.code, redriven.result["redriven"]) == (0, 2), redriven.stderr


def test_a_dead_message_that_a_killed_redrive_left_is_dropped_when_its_job_has_succeeded(
    worker: Worker, site: Site, status: Status, vhost: VirtualHost
) -> None:
    dead = f"{EVENT}.dead"
    assert (
        submit(site.broker_url, "--jobs", "1", "--batch-id", "b", "--metadata", "Fail=exit", *WAIT).code == 1
    )
    until(lambda: vhost.messages(dead) == 1, what="a dead message")
    with connection(site.broker_url, name="look") as (receiving, _):
        [(_tag, properties, body)] = DeadQueue(receiving, EVENT)
    edited = ("--event", EVENT, "--all", "--without", "Fail", "--json")
    assert command("redrive", status.commands, *edited).result["redriven"] == 1
    until(lambda: status.get(f"jobs/{EVENT}/b.1")["state"] == "SUCCEEDED", what="the job's success")
    with connection(site.broker_url, name="killed") as (_, sending):
        publish(sending, names.EXCHANGE, dead, body, properties)
        refused = messages.republished(properties, job="b.1", reason="another job has this id")
        publish(sending, names.EXCHANGE, dead, body, refused)
    until(lambda: vhost.messages(dead) == 2, what="what is left, and a message that was refused")
    assert reconcile(site, status) == (1, {"stale": 1})
    assert reconcile(site, status, "stale", "--yes") == (0, {"stale": 1})
    until(lambda: vhost.messages(dead) == 1, what="the message that was refused")
    assert reconcile(site, status) == (0, {})


def test_an_older_copy_of_the_ledger_is_mended_by_running_its_jobs_again(
    worker: Worker, site: Site, status: Status
) -> None:
    ledger, copy = site.folder / "ledger", site.folder / "copy"
    assert submitted(site, "first") == 0
    before = site.products()
    # The copy is from the time when the first of the two jobs had begun.
    shutil.copytree(ledger, copy)
    (copy / EVENT / "first.1" / "0002.json").unlink()
    for path in copy.rglob("*.json"):
        os.utime(path, (time.time() - 600, time.time() - 600))
    shutil.rmtree(ledger / EVENT)
    shutil.copytree(copy / EVENT, ledger / EVENT)

    assert reconcile(site, status) == (1, {"messages": 1})
    assert reconcile(site, status, "messages", "--yes") == (0, {"messages": 1})
    until((ledger / EVENT / "first.1" / "0003.json").exists, seconds=60, what="a verdict")
    whole(site, len(before))
    assert reconcile(site, status)[0] == 0
