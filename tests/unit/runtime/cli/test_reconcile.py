"""What does not agree between queues, ledger, catalogue and archive is named, and mended on request."""

import asyncio
import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError

from runtime.cli import messageless, places, reconcile_here
from runtime.cli.findings import Findings
from runtime.cli.messageless import Suspects
from runtime.cli.places import Share
from runtime.cli.results import SomeFailed
from runtime.cli.status_client import StatusClient
from runtime.messaging import messages, recorded
from runtime.messaging.dead_queue import Message
from runtime.outcome import Outcome, Product
from runtime.records.ledger import Ledger, Run, Superseded, Verdict
from testing.standins.file_manager import FileManager as StandIn
from tests.unit.runtime.file_managers import Client

EVENT = "test-workflow"
LONG_AGO = time.time() - 3600
METADATA: messages.Metadata = {"Run": "1"}
MESSAGE = {"metadata": METADATA, "batch": "batch", "priority": 1, "queued": 1.0}
FAILED = Outcome(result="failed", reason="exit 1", log="the end of it")


@dataclass
class Site:
    share: Share
    ledger: Ledger
    catalogue: StandIn = field(default_factory=StandIn)

    def run(self, job: str, *, message: dict[str, Any] | None = MESSAGE) -> Run:
        run = self.ledger.claim(EVENT, job, message=message)
        assert isinstance(run, Run)
        return run

    def end(self, run: Run, outcome: Outcome, *products: Product, ended: float = LONG_AGO) -> None:
        verdict = Verdict(
            outcome=replace(outcome, products=products),
            attempts=1,
            node="n",
            run=run.number,
            started=ended,
            ended=ended,
        )
        self.ledger.settle(run, verdict)

    def product(self, run: str, name: str) -> Product:
        path = self.share.archive / "TestFile" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("data")
        reference = {"origReference": f"file:/tmp/{name}", "dataStoreReference": f"file:{path}"}
        product = {
            "name": name,
            "type": {"id": "t", "name": "TestFile"},
            "references": [reference],
            "transferStatus": "RECEIVED",
        }
        received = "2026-01-01T00:00:00.000Z"
        metadata = {"WorkflowInstId": [run], "CAS.ProductReceivedTime": [received]}
        identity = self.catalogue.filemgr_ingestProduct(product, metadata, True)
        return Product(id=identity, name=name, type="TestFile", archived=(str(path),))

    def succeeded(self, job: str = "job", **about: Any) -> Product:
        run = self.run(job, **about)
        product = self.product(run.id, f"{job}.dat")
        self.end(run, Outcome(result="succeeded"), product)
        return product

    def compare(self, *mend: str) -> tuple[Findings, Suspects]:
        findings = Findings(mend=frozenset(mend))
        for path in self.share.archive.rglob("*"):
            assert path.exists()
        client = Client(self.catalogue)
        work = reconcile_here.compared(self.share, self.ledger, client, findings)
        return findings, asyncio.run(work)

    def left(self) -> tuple[set[str], set[str]]:
        """The names of the products and of the files."""
        products = {product["name"] for product in self.catalogue.standin_products()}
        return products, {path.name for path in self.share.archive.rglob("*") if path.is_file()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    share = Share(archive=tmp_path / "archive", jobs=tmp_path / "jobs", ledger=tmp_path / "ledger")
    for folder in (share.archive, share.jobs, share.ledger):
        folder.mkdir()
    return Site(share=share, ledger=Ledger(share.ledger, node="n", lease=30))


def found(findings: Findings) -> dict[str, int]:
    return {name: kind.found for name, kind in findings.kinds.items() if kind.found}


def expire(run: Run) -> None:
    os.utime(run.folder / f"{run.entry:04}.json", (LONG_AGO, LONG_AGO))


def test_nothing_is_found_where_all_agrees(site: Site) -> None:
    site.succeeded()
    running = site.run("running")
    site.product(running.id, "running.dat")
    findings, suspects = site.compare()
    assert (found(findings), findings.agree, suspects) == ({}, True, Suspects())


@pytest.mark.parametrize("run", ["job", "job~3"])
def test_a_product_of_a_run_that_does_not_count_is_an_orphan(site: Site, run: str) -> None:
    """Run 3 is one that an older copy of the ledger does not know."""
    first = site.run("job")
    site.ledger.end(first, FAILED)
    second = site.run("job")
    kept = site.product(second.id, "kept.dat")
    site.product(run, "orphan.dat")
    site.end(second, Outcome(result="succeeded"), kept)
    findings, _ = site.compare()
    assert (found(findings), findings.agree) == ({"orphans": 1}, False)
    assert site.left() == ({"kept.dat", "orphan.dat"}, {"kept.dat", "orphan.dat"})
    findings, _ = site.compare("orphans")
    assert findings.agree
    assert site.left() == ({"kept.dat"}, {"kept.dat"})
    assert found(site.compare()[0]) == {}


def test_a_product_is_no_orphan_while_its_job_has_not_ended_or_has_just_ended(site: Site) -> None:
    first = site.run("job")
    site.product(first.id, "first.dat")
    site.ledger.end(first, FAILED)
    just_dead = site.run("dead")
    site.product(just_dead.id, "dead.dat")
    site.end(just_dead, FAILED, ended=time.time())
    findings, _ = site.compare("orphans")
    assert "orphans" not in found(findings)


def test_a_product_of_a_run_without_a_record_is_named_and_stays(site: Site) -> None:
    site.product("cleaned", "cleaned.dat")
    findings, _ = site.compare("orphans", "unknown", "missing")
    assert (found(findings), findings.agree) == ({"unrecorded": 1}, True)
    assert site.left()[0] == {"cleaned.dat"}


def test_a_product_without_its_file_is_missing_and_its_job_is_incomplete(site: Site) -> None:
    product = site.succeeded()
    site.succeeded("other")
    Path(product.archived[0]).unlink()
    findings, suspects = site.compare("missing")
    assert found(findings) == {"missing": 1}
    assert suspects.incomplete == {EVENT: {"job": 2}}
    assert site.left()[0] == {"other.dat"}
    findings, suspects = site.compare()
    assert (found(findings), suspects.incomplete) == ({}, {EVENT: {"job": 2}})


def test_an_archive_that_is_not_mounted_is_an_error_and_no_finding(site: Site) -> None:
    product = site.succeeded()
    Path(product.archived[0]).unlink()
    Path(product.archived[0]).parent.rmdir()
    with pytest.raises(OSError, match="mount it or restore it"):
        site.compare("missing")
    assert site.left()[0] == {"job.dat"}


def test_a_file_that_no_product_has_is_unknown_once_it_is_old(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = site.succeeded()
    site.catalogue.filemgr_removeProduct({"id": product.id})
    findings, suspects = site.compare("unknown")
    assert found(findings) == {}
    assert suspects.incomplete == {EVENT: {"job": 2}}
    later = time.time() + 120
    monkeypatch.setattr(time, "time", lambda: later)
    findings, _ = site.compare()
    assert found(findings) == {"unknown": 1}
    site.compare("unknown")
    assert site.left() == (set(), set())


def test_products_that_were_cleaned_are_not_missed(site: Site) -> None:
    product = site.succeeded()
    site.catalogue.filemgr_removeProduct({"id": product.id})
    site.ledger.note_cleaned(time.time())
    assert site.compare()[1] == Suspects()


def test_jobs_that_should_have_a_message_are_suspects_unless_a_worker_has_them(site: Site) -> None:
    site.run("runs")
    expire(site.run("lost"))
    site.end(site.run("dead"), FAILED)
    site.end(site.run("given up"), FAILED)
    site.ledger.discard(EVENT, "given up")
    site.ledger.cancel(EVENT, "cancelled")
    _, suspects = site.compare()
    assert suspects == Suspects(messages={EVENT: {"lost": 1}}, dead={EVENT: {"dead": 2}})


class FakeChannel:
    def __init__(self) -> None:
        self.sent: list[tuple[str, pika.BasicProperties, bytes]] = []

    def basic_publish(
        self, _: str, key: str, body: bytes, properties: pika.BasicProperties, *, mandatory: bool
    ) -> None:
        assert mandatory
        self.sent.append((key, properties, body))


def decide(site: Site, suspects: Suspects, *mend: str, quiet: set[str]) -> tuple[Findings, FakeChannel]:
    findings, channel = Findings(mend=frozenset(mend)), FakeChannel()
    messageless._decide(cast(BlockingChannel, channel), site.ledger, suspects, findings, quiet)
    return findings, channel


def test_a_job_without_a_message_is_sent_again(site: Site) -> None:
    expire(site.run("job"))
    suspects = Suspects(messages={EVENT: {"job": 1}})
    findings, channel = decide(site, suspects, quiet={EVENT})
    assert (found(findings), channel.sent) == ({"messages": 1}, [])
    findings, channel = decide(site, suspects, "messages", quiet={EVENT})
    assert findings.agree
    [(queue, properties, body)] = channel.sent
    again = messages.decode(queue, properties, body)
    assert (queue, again.id, recorded.of(again)) == (EVENT, "job", MESSAGE)


def test_nothing_is_decided_while_the_events_queues_have_messages(site: Site) -> None:
    expire(site.run("job"))
    findings, channel = decide(site, Suspects(messages={EVENT: {"job": 1}}), "messages", quiet=set())
    assert (found(findings), findings.agree, channel.sent) == ({"undecided": 1}, True, [])


def test_a_job_that_has_moved_on_since_is_no_finding(site: Site) -> None:
    run = site.run("job")
    expire(run)
    taken = Ledger(site.share.ledger, node="other", lease=30).claim(EVENT, "job")
    assert isinstance(taken, Run)
    suspects = Suspects(messages={EVENT: {"job": 1}}, incomplete={EVENT: {"job": 1}})
    findings, channel = decide(site, suspects, "messages", "incomplete", quiet={EVENT})
    assert (found(findings), channel.sent) == ({}, [])
    with pytest.raises(Superseded):
        site.ledger.end(run, FAILED)


def test_a_dead_job_gets_its_message_with_reason_and_log_into_the_dead_queue(site: Site) -> None:
    site.end(site.run("job"), FAILED)
    findings, channel = decide(site, Suspects(dead={EVENT: {"job": 2}}), "dead", quiet={EVENT})
    assert findings.agree
    [(queue, properties, _)] = channel.sent
    assert (queue, messages.reason_of(properties)) == (f"{EVENT}.dead", "exit 1")
    assert properties.headers["oodt-log"] == "the end of it"


def test_an_incomplete_job_runs_again_as_one_that_was_redriven(site: Site) -> None:
    site.succeeded()
    suspects = Suspects(incomplete={EVENT: {"job": 2}})
    findings, channel = decide(site, suspects, "incomplete", quiet=set())
    assert findings.agree
    [(queue, properties, body)] = channel.sent
    job = messages.decode(queue, properties, body)
    run = site.ledger.claim(EVENT, "job", redrive=job.redrive, digest=job.digest)
    assert isinstance(run, Run) and run.number == 2
    assert found(decide(site, suspects, "incomplete", quiet=set())[0]) == {}


def test_a_job_whose_record_does_not_hold_its_message_is_named(site: Site) -> None:
    expire(site.run("job", message=None))
    findings, channel = decide(site, Suspects(messages={EVENT: {"job": 1}}), "messages", quiet={EVENT})
    assert (found(findings), findings.agree, channel.sent) == ({"unsendable": 1}, False, [])


class FakeStatus:
    def __init__(self, *, queued: int, waiting: int, problem: str | None = None) -> None:
        self._queued = queued
        self._waiting = waiting
        self._problem = problem

    def overview(self) -> dict[str, Any]:
        queue = {"event": EVENT, "counted": True, "queued": self._queued, "taken": 0, "retrying": 0}
        queue["dead"] = 3
        return {"broker": {"problem": self._problem}, "queues": [queue]}

    def batches(self, *, limit: int) -> list[dict[str, Any]]:
        about = {"event": EVENT, "batch": "batch", "cancelled": False}
        return [{**about, "waiting": self._waiting, "states": {"SUCCEEDED": 1}, "ended": 1}][:limit]


@pytest.mark.parametrize(("queued", "short"), [(2, {(EVENT, "batch")}), (3, set())])
def test_a_batch_with_more_jobs_than_the_broker_has_messages_is_short(
    queued: int, short: set[tuple[str, str]]
) -> None:
    status = FakeStatus(queued=queued, waiting=3)
    assert messageless._short(cast(StatusClient, status), status.overview()) == short


class FakeReceiving:
    """A channel on which time passes at once, and the event's dead queue with these messages."""

    def __init__(self, *dead: pika.BasicProperties) -> None:
        self._dead = list(dead)
        self.connection = self
        self.slept = 0.0
        self.dropped: list[object] = []

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def remove(self, tag: object) -> None:
        self.dropped.append(tag)

    def dead_queue(self, _channel: object, event: str) -> Self:
        assert event == EVENT
        return self

    def hand_back(self) -> None:
        pass

    def __iter__(self) -> Iterator[Message]:
        """Each is delivered once: it is held then."""
        while self._dead:
            properties = self._dead.pop()
            yield cast(int, properties.message_id), properties, b"{}"


def looked(
    site: Site, monkeypatch: pytest.MonkeyPatch, receiving: FakeReceiving, status: FakeStatus, *mend: str
) -> tuple[Findings, FakeChannel]:
    sending = FakeChannel()
    monkeypatch.setattr(messageless, "connection", lambda *_, **__: nullcontext((receiving, sending)))
    monkeypatch.setattr(messageless, "DeadQueue", receiving.dead_queue)
    findings, suspects = site.compare(*mend)
    messageless.look("", cast(StatusClient, status), site.ledger, suspects, findings)
    return findings, sending


@pytest.mark.parametrize(("queued", "expected"), [(0, {"dead": 1, "batches": 1}), (1, {"undecided": 1})])
def test_jobs_with_a_message_in_the_dead_queue_are_no_finding(
    site: Site, monkeypatch: pytest.MonkeyPatch, queued: int, expected: dict[str, int]
) -> None:
    for job in ("kept", "lost"):
        site.end(site.run(job), FAILED)
    receiving = FakeReceiving(messages.properties_of("unknown"), messages.properties_of("kept"))
    findings, sending = looked(site, monkeypatch, receiving, FakeStatus(queued=queued, waiting=1))
    assert (found(findings), sending.sent) == (expected, [])
    # Numbers that are older than the last job are given time first.
    assert receiving.slept == (1 + queued) * messageless.SECOND_LOOK_SECONDS


@pytest.mark.parametrize("mend", [(), ("stale",)])
def test_a_dead_message_is_stale_when_its_job_has_ended_otherwise_since(
    site: Site, monkeypatch: pytest.MonkeyPatch, mend: tuple[str, ...]
) -> None:
    for job in ("back", "still", "again"):
        site.end(site.run(job), FAILED)
    for job in ("back", "again"):
        run = site.ledger.claim(EVENT, job, redrive="r")
        assert isinstance(run, Run)
        if job == "back":
            site.end(run, Outcome(result="succeeded"))
    reasons = {job: FAILED.reason for job in ("back", "still", "again")}
    of_deaths = [
        messages.republished(messages.properties_of(job), job=job, reason=reasons[job]) for job in reasons
    ]
    refused = messages.republished(messages.properties_of("back"), job="back", reason="not JSON")
    receiving = FakeReceiving(*of_deaths, refused)
    findings, _ = looked(site, monkeypatch, receiving, FakeStatus(queued=3, waiting=0), *mend)
    assert found(findings) == {"stale": 1}
    assert findings.kinds["stale"].examples[0].job == "back"
    assert (receiving.dropped, findings.agree) == ((["back"], True) if mend else ([], False))


def test_queues_that_cannot_be_counted_are_an_error() -> None:
    status = FakeStatus(queued=0, waiting=0, problem="it is away")
    with pytest.raises(ConnectionError, match="it is away"):
        messageless._quiet(status.overview())


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (AMQPConnectionError(), "AMQPConnectionError"),  # which has no words of its own
    ],
    ids=["share", "broker"],
)
def test_what_was_compared_in_part_is_not_said_to_agree(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: Exception,
    said: str,
) -> None:
    async def breaks_off(*_: object) -> Suspects:
        raise problem

    monkeypatch.setattr(reconcile_here, "compared", breaks_off)
    monkeypatch.setattr(places, "share", lambda: site.share)
    monkeypatch.setattr(reconcile_here, "status_client", lambda: None)
    monkeypatch.setenv("RABBITMQ_USER_URL", "amqp://user:x@127.0.0.1:9/")
    with pytest.raises(SomeFailed, match=f"^not all was compared: .*{said}$") as raised:
        reconcile_here.reconcile(())
    assert raised.value.result is not None
    assert raised.value.result.answer["agree"] is False
    raised.value.result.show()
    assert capsys.readouterr().out == ""


def test_the_answer_is_json_and_says_how_much_of_each_kind(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.product("cleaned", "cleaned.dat")
    findings, _ = site.compare()
    answer = json.loads(json.dumps(findings.answer()))
    assert answer["agree"] is True
    assert answer["kinds"]["unrecorded"]["found"] == 1
    findings.show()
    assert "unrecorded: 1 products" in capsys.readouterr().out
