"""Taking products out again leaves alone what other products need."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from runtime.oodt.file_manager import place_of
from testing.standins.file_manager import FileManager as StandIn
from tests.unit.runtime.file_managers import Client


class OodtsOwn(StandIn):
    """One without the cluster's class."""

    def filemgr_removeUnusedFile(self, path: str) -> bool:
        raise RuntimeError(f"java.lang.NoSuchMethodException: XmlRpcFileManager.removeUnusedFile({path})")

    def filemgr_catalogueDisk(self) -> dict[str, float]:
        raise RuntimeError("java.lang.NoSuchMethodException: XmlRpcFileManager.catalogueDisk()")


class Stock(OodtsOwn):
    """One with a catalogue of OODT's own, which finds nothing by the places of files."""

    def filemgr_pagedQuery(self, *_: Any) -> dict[str, Any]:
        return {"pageNum": 0, "totalPages": 0, "pageProducts": []}


class Mute(OodtsOwn):
    """One that cannot tell where files are."""

    def filemgr_pagedQuery(self, *_: Any) -> dict[str, Any]:
        raise RuntimeError("no such element")


class Site:
    """A File Manager with an archive."""

    def __init__(self, archive: Path, file_manager: StandIn) -> None:
        self.archive = archive
        self.file_manager = file_manager
        self.client = Client(file_manager)

    def ingest(self, file: str, *, name: str = "vol.h5", spelled: str = "") -> str:
        path = self.archive / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("data")
        reference = {"origReference": f"file:/jobs/{file}", "dataStoreReference": spelled or path.as_uri()}
        product = {"id": "", "name": name, "references": [reference], "transferStatus": "RECEIVED"}
        return self.file_manager.filemgr_ingestProduct(product, {}, True)

    def remove(self, product: str, archived: Iterable[str] = (), *, name: str = "vol.h5") -> None:
        asyncio.run(self.client.remove(product, name, archived))

    def products(self) -> list[str]:
        return [product["id"] for product in self.file_manager.standin_products()]

    def files(self) -> list[str]:
        return sorted(path.name for path in self.archive.rglob("*") if path.is_file())


@pytest.fixture(params=[StandIn, OodtsOwn, Stock, Mute])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    return Site(tmp_path, request.param())


@pytest.fixture(params=[StandIn, OodtsOwn])
def own(tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """With the cluster's catalogue."""
    return Site(tmp_path, request.param())


def test_a_file_that_another_product_has_too_stays_in_the_archive(site: Site) -> None:
    good, bad = site.ingest("vol.h5"), site.ingest("vol.h5")
    site.remove(bad)
    assert (site.products(), site.files()) == ([good], ["vol.h5"])


@pytest.mark.parametrize("stock", [StandIn, OodtsOwn, Stock])
def test_a_file_of_no_other_product_goes_with_its_product(tmp_path: Path, stock: type[StandIn]) -> None:
    site = Site(tmp_path, stock())
    other, bad = site.ingest("folder/vol.h5"), site.ingest("vol.h5")
    site.remove(bad)
    assert (site.products(), site.files()) == ([other], ["vol.h5"])
    assert (tmp_path / "folder" / "vol.h5").exists()


def test_two_spellings_of_a_place_are_one_file(own: Site) -> None:
    good = own.ingest("vol.h5", spelled=f"file:{own.archive}//./vol%2eh5", name="good.h5")
    bad = own.ingest("vol.h5")
    own.remove(bad, [f"{own.archive}//vol.h5"])
    assert (own.products(), own.files()) == ([good], ["vol.h5"])


def test_the_last_of_the_products_that_share_a_file_takes_it_along(own: Site) -> None:
    products = [own.ingest("vol.h5") for _ in range(3)]
    for product in products[:2]:
        own.remove(product)
    assert own.files() == ["vol.h5"]
    own.remove(products[2])
    assert (own.products(), own.files()) == ([], [])


def test_a_removal_that_broke_off_after_the_catalogue_entry_is_finished(own: Site) -> None:
    bad = own.ingest("vol.h5")
    own.file_manager.filemgr_removeProduct({"id": bad})
    own.remove(bad, [str(own.archive / "vol.h5")])
    assert own.files() == []


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("file:/archive//a", "/archive/a"),
        ("file:///archive/a", "/archive/a"),
        ("file:////archive/a%20b", "/archive/a b"),
        ("//archive/./b/../a/", "/archive/a"),
        ("", ""),
    ],
)
def test_a_place_in_the_archive_has_one_spelling(reference: str, place: str) -> None:
    assert place_of(reference) == place


def test_the_disk_of_the_catalogue_is_unknown_where_the_file_manager_cannot_tell(tmp_path: Path) -> None:
    found = [asyncio.run(Site(tmp_path, made).client.disk()) for made in (StandIn(), OodtsOwn())]
    assert found == [(2**40, 2**39), None]
