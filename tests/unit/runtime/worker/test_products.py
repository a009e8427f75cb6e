"""The products of runs that do not count are removed, also those of which no answer was seen."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run
from runtime.worker import products
from runtime.worker.products import withdraw
from testing.standins.file_manager import FileManager as StandIn
from tests.unit.runtime.file_managers import Client

EVENT = "event"


class OodtsOwn(StandIn):
    """One without the cluster's class, which cannot close a run."""

    def filemgr_closeRun(self, run: str) -> list[Any]:
        raise RuntimeError(f"java.lang.NoSuchMethodException: XmlRpcFileManager.closeRun({run})")


class Site:
    def __init__(self, folder: Path, file_manager: StandIn) -> None:
        self.file_manager = file_manager
        self.ledger = Ledger(folder, node="node", lease=30)
        self.client = Client(file_manager)

    def run(self) -> Run:
        claim = self.ledger.claim(EVENT, "job")
        assert isinstance(claim, Run)
        return claim

    def fail(self, run: Run) -> None:
        self.ledger.end(run, Outcome(result="failed", reason="exit 1"))

    def ingest(self, run: Run, name: str, *references: dict[str, str]) -> str:
        product = {
            "id": "",
            "name": name,
            "type": {"name": "TestType"},
            "references": list(references),
            "transferStatus": "TRANSFERING",
        }
        return self.file_manager.filemgr_ingestProduct(product, {"WorkflowInstId": [run.id]}, True)

    def note(self, run: Run, kind: str, **fields: str) -> None:
        self.ledger.add_product_line(run.folder, run.number, {"kind": kind, **fields})

    def withdraw(self, run: Run, **which: Any) -> None:
        asyncio.run(withdraw(self.ledger, self.client, run.folder, **which))

    def left(self) -> list[str]:
        return [product["name"] for product in self.file_manager.standin_products()]


@pytest.mark.parametrize("file_manager", [StandIn(), OodtsOwn()], ids=["the cluster's", "OODT's own"])
def test_an_ingest_whose_answer_nobody_saw_is_found_and_removed(
    tmp_path: Path, file_manager: StandIn
) -> None:
    site = Site(tmp_path, file_manager)
    run = site.run()
    site.note(run, "ingesting", file="/jobs/a", name="a")
    site.ingest(run, "a")
    site.fail(run)
    site.withdraw(run, only=run.number)
    assert site.left() == []


def test_nothing_of_a_run_that_does_not_count_enters_the_catalogue_later(tmp_path: Path) -> None:
    site = Site(tmp_path, StandIn())
    run = site.run()
    site.fail(run)
    site.withdraw(run, only=run.number)
    with pytest.raises(RuntimeError, match="run job is closed"):
        site.ingest(run, "late")
    again = site.run()
    site.ingest(again, "counts")
    site.withdraw(again, before=again.number)
    assert site.left() == ["counts"]


class IllOnce(StandIn):
    """One that answers the first call of a method with a fault."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self._method = f"filemgr.{method}"

    def _dispatch(self, method: str, params: tuple[Any, ...]) -> Any:
        if method == self._method:
            self._method = ""
            raise RuntimeError("database is locked")
        return super()._dispatch(method, params)


@pytest.mark.parametrize("method", ["closeRun", "getProductById", "removeProduct", "removeUnusedFile"])
def test_what_the_catalogue_alone_knows_goes_although_the_file_manager_fails_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(products, "FIRST_PAUSE_SECONDS", 0)
    file = tmp_path / "archive" / "a"
    file.parent.mkdir()
    file.write_text("data")
    site = Site(tmp_path / "ledger", IllOnce(method))
    run = site.run()
    site.ingest(run, "a", {"origReference": "file:/jobs/a", "dataStoreReference": file.as_uri()})
    site.fail(run)
    site.withdraw(run, only=run.number)
    assert (site.left(), file.exists()) == ([], False)
