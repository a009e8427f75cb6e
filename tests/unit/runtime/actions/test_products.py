"""Products of jobs that have ended are deleted, and only those."""

import asyncio
from pathlib import Path

import pytest

from runtime.actions.products import Deleted, delete
from runtime.cli.places import Share
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger
from tests.unit.runtime.cli.test_reconcile import EVENT, FAILED, Site
from tests.unit.runtime.file_managers import Client


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for name in ("archive", "jobs", "ledger"):
        (tmp_path / name).mkdir()
    share = Share(archive=tmp_path / "archive", jobs=tmp_path / "jobs", ledger=tmp_path / "ledger")
    return Site(share=share, ledger=Ledger(share.ledger, node="n", lease=30))


def deleted(site: Site, *jobs: str, really: bool = True, seconds: float = 60) -> Deleted:
    named = [(EVENT, job, "batch") for job in jobs]
    client = Client(site.catalogue)
    return asyncio.run(delete(site.ledger, client, named, really=really, seconds=seconds))


def names(site: Site) -> list[str]:
    return sorted(product["name"] for product in site.catalogue.standin_products())


def test_only_the_products_of_the_jobs_that_are_named_go_with_their_files(site: Site) -> None:
    goes, stays = site.succeeded("goes"), site.succeeded("stays")
    found = deleted(site, "goes")
    assert (found.products, [each.job for each in found.jobs], found.unfinished) == (1, ["goes"], 0)
    assert names(site) == ["stays.dat"]
    assert not Path(goes.archived[0]).exists() and Path(stays.archived[0]).exists()
    assert deleted(site, "goes").products == 0


def test_a_dry_run_counts_and_leaves_all_as_it_is(site: Site) -> None:
    product = site.succeeded("job")
    assert deleted(site, "job", really=False).products == 1
    assert Path(product.archived[0]).exists()
    assert not site.ledger.is_deleted(EVENT, "job")


def test_a_job_that_has_not_ended_keeps_its_products(site: Site) -> None:
    run = site.run("runs")
    product = site.product(run.id, "runs.dat")
    site.end(site.run("dead"), FAILED)
    found = deleted(site, "runs", "dead")
    assert (found.products, found.unfinished) == (0, 1)
    site.end(run, Outcome(result="succeeded"), product)
    assert deleted(site, "runs").products == 1


def test_what_is_deleted_on_purpose_is_not_missing(site: Site) -> None:
    site.succeeded("job")
    deleted(site, "job")
    findings, suspects = site.compare()
    assert findings.agree and not suspects.incomplete.get(EVENT)


def test_what_takes_too_long_is_left_for_the_next_request(site: Site) -> None:
    for job in ("one", "two"):
        site.succeeded(job)
    assert deleted(site, "one", "two", seconds=-1).left == 2
    assert names(site) == ["one.dat", "two.dat"]
