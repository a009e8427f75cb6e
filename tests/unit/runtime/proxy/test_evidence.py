"""What File Manager calls leave on record."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from runtime.outcome import Outcome
from runtime.proxy.evidence import INGEST, Evidence, ProductCall, product_call
from runtime.records.journal import append
from runtime.records.ledger import Ledger, Run, parse_lines
from runtime.records.verdict import products, unanswered

FILE = "/jobs/1/a b.dat"
REFERENCE = {"origReference": "file:///jobs/1/a%20b.dat", "dataStoreReference": "file:/archive/a%20b.dat"}


def product(**fields: Any) -> dict[str, Any]:
    return {
        "id": "",
        "name": "a b.dat",
        "type": {"name": "T"},
        "references": [REFERENCE],
        "transferStatus": "TRANSFERING",
        **fields,
    }


def call(method: str, *params: Any) -> ProductCall:
    found = product_call(f"filemgr.{method}", params)
    assert found is not None
    return found


def ingest(instance: str, *, client_transfers: bool = True) -> ProductCall:
    return call("ingestProduct", product(), {"WorkflowInstId": [instance]}, client_transfers)


class Place:
    """A container's journals and the ledger, with one run of a job under way."""

    def __init__(self, root: Path) -> None:
        self.ledger = Ledger(root / "ledger", node="n", lease=30)
        run = self.ledger.claim("e", "job")
        assert isinstance(run, Run)
        self.run = run
        self.runs = root / "runs"
        self.runs.mkdir()
        self.journal = self.runs / "job.jsonl"
        append(self.journal, {"kind": "opened", "run": 1, "ledger": str(run.folder)}, create=True)
        self.evidence = Evidence(self.runs, self.ledger)

    def journalled(self) -> list[str]:
        return [line["kind"] for line in parse_lines(self.journal.read_bytes())][1:]

    def recorded(self) -> list[str]:
        return [line["kind"] for line in self.ledger.products(self.run.folder).get(1, [])]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def client_transfer(place: Place, evidence: Evidence | None = None) -> None:
    """The calls that OODT's client makes for one product."""

    async def calls() -> None:
        first, later = place.evidence, evidence or place.evidence
        assert await first.objection(ingest("job")) is None
        await first.answered(ingest("job"), "id-1")
        await later.answered(call("addProductReferences", product(id="id-1")), True)
        received = product(id="id-1", transferStatus="RECEIVED")
        await later.answered(call("setProductTransferStatus", received), True)

    asyncio.run(calls())


def test_an_ingest_is_on_record_step_by_step_in_journal_and_ledger(place: Place) -> None:
    client_transfer(place)
    assert place.journalled() == place.recorded() == ["ingesting", "ingest", "reference", "received"]
    lines = place.ledger.products(place.run.folder)[1]
    [made] = products(lines)
    assert made.archived == ("/archive/a b.dat",)
    assert [line["file"] for line in lines if line["kind"] == "ingest"] == [FILE]
    assert [line["product"] for line in lines if line["kind"] == "received"] == [made.id]


def test_a_gateway_that_was_restarted_still_knows_whose_product_it_is(place: Place) -> None:
    restarted = Evidence(place.runs, place.ledger)
    append(place.journal, {"kind": "ingest", "product": "id-1"})
    restarted.recall()
    client_transfer(place, restarted)
    assert place.recorded()[-1] == "received"


def test_a_product_that_was_received_is_taken_back_when_its_client_did_not_hear_of_it(place: Place) -> None:
    client_transfer(place)
    assert asyncio.run(place.evidence.objection(call("removeProduct", product(id="id-1")))) is None
    assert place.recorded()[-1] == "removed"
    assert products(place.ledger.products(place.run.folder)[1]) == ()


@pytest.mark.parametrize(
    ("mode", "why"), [(0o555, "nobody may write to its folder {}"), (0o755, None), (0o2775, None)]
)
def test_a_product_that_is_taken_back_has_what_hindered_it_on_record(
    place: Place, tmp_path: Path, mode: int, why: str | None
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir(mode=0o700)
    archive.chmod(mode)
    client_transfer(place)
    reference = {**REFERENCE, "dataStoreReference": f"file:{archive}/new/file.dat"}
    taken_back = call("removeProduct", product(id="id-1", references=[reference]))
    asyncio.run(place.evidence.objection(taken_back))
    [*_, line] = place.ledger.products(place.run.folder)[1]
    assert (line["kind"], line.get("why")) == ("removed", why and why.format(archive))


def test_a_full_disk_is_what_hindered_a_product(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs("/")
    full = os.statvfs_result([*real[:4], 0, *real[5:]])
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    client_transfer(place)
    asyncio.run(place.evidence.objection(call("removeProduct", product(id="id-1"))))
    assert place.ledger.products(place.run.folder)[1][-1]["why"] == "the disk of its folder / is full"


def test_the_products_of_runs_that_were_judged_are_forgotten(place: Place) -> None:
    client_transfer(place)
    place.journal.unlink()
    append(place.runs / "direct.jsonl", {"kind": "instance"}, create=True)
    asyncio.run(place.evidence.answered(ingest("direct"), "id-2"))
    assert asyncio.run(place.evidence.objection(call("removeProduct", product(id="id-1")))) is None
    assert place.recorded()[-1] == "received"


def test_with_server_transfer_the_ingest_alone_is_proof(place: Place) -> None:
    asyncio.run(place.evidence.answered(ingest("job", client_transfers=False), "id-1"))
    assert place.recorded() == ["ingest", "received"]


def test_a_refused_ingest_is_on_record_with_the_fault(place: Place) -> None:
    asyncio.run(place.evidence.refused(ingest("job"), "disk full"))
    assert place.journalled() == ["refused"]


def test_an_ingest_that_has_failed_is_on_record_as_one_that_may_be_there(place: Place) -> None:
    async def calls() -> None:
        assert await place.evidence.objection(ingest("job")) is None
        await place.evidence.failed(ingest("job"), "no answer")

    asyncio.run(calls())
    [line] = unanswered(place.ledger.products(place.run.folder)[1])
    assert line["file"] == FILE


@pytest.mark.parametrize("end", ["failed", "taken over"])
def test_a_run_that_does_not_count_any_more_ingests_nothing(place: Place, end: str) -> None:
    place.ledger.end(place.run, Outcome(result="failed", reason="exit 1"))
    if end == "taken over":
        place.ledger.claim("e", "job")
    objection = asyncio.run(place.evidence.objection(ingest("job")))
    assert objection is not None and "does not count any more" in objection
    assert place.journalled() == ["refused"]


def test_further_workflows_of_the_event_count_for_the_same_job(place: Place) -> None:
    sibling = "job~01234567-89ab-cdef-0123-456789abcdef"
    append(place.runs / f"{sibling}.jsonl", {"kind": "instance"}, create=True)
    asyncio.run(place.evidence.answered(ingest(sibling), "id-1"))
    assert place.recorded() == ["ingest"]


def test_work_that_is_no_job_is_only_journalled(place: Place) -> None:
    append(place.runs / "direct.jsonl", {"kind": "instance"}, create=True)
    asyncio.run(place.evidence.answered(ingest("direct"), "id-1"))
    assert place.recorded() == []
    assert b'"ingest"' in (place.runs / "direct.jsonl").read_bytes()


@pytest.mark.parametrize("instance", ["unknown", "", "../runs/job", "/etc/passwd"])
def test_ingests_of_others_are_nobodys_business(place: Place, instance: str) -> None:
    assert asyncio.run(place.evidence.objection(ingest(instance))) is None
    asyncio.run(place.evidence.answered(ingest(instance), "id-1"))
    assert place.journalled() == place.recorded() == []


@pytest.mark.parametrize(
    "params",
    [(), (1,), ({},), (product(references=[{}]), {}, True), (product(), "text", True), (product(), {})],
)
def test_a_malformed_call_says_nothing_about_a_product(params: tuple[Any, ...]) -> None:
    assert product_call(INGEST, params) is None
