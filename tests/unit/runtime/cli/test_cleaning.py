"""Cleaning takes what jobs have left, nothing that a job may still need, and never leaves the share."""

import asyncio
import json
import os
import re
import shutil
import threading
import time
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, cast

import pytest
from pika.exceptions import AMQPConnectionError

from runtime import names
from runtime.cli import clean_here, cleaning
from runtime.cli.cleaning import BUSY_SECONDS, Cleaned
from runtime.cli.places import Share
from runtime.cli.results import SomeFailed
from runtime.oodt.file_manager import FileManager
from runtime.outcome import Outcome
from runtime.records import entries
from runtime.records.ledger import Ledger, Run, RunsElsewhere, Verdict
from runtime.records.nofollow import NoFollowFolder

EVENT = "test-workflow"


def share_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty share in this folder, as the service's environment names it."""
    for name, part in (("OODT_ARCHIVE", "archive"), ("OODT_JOBS", "jobs"), ("OODT_LEDGER", "ledger")):
        (folder / part).mkdir()
        monkeypatch.setenv(name, str(folder / part))


def test_nothing_is_said_of_a_part_that_was_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the share is full, `archive: 0 files` would say that no product is there."""
    share_in(tmp_path, monkeypatch)
    (tmp_path / "archive" / "product").touch()
    clean_here.clean(("jobs", "logs"), older_than=0, really=False).show()
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"{tmp_path}/jobs: 0 job folders",
        f"{tmp_path}/jobs/.logs: 0 runs with full logs",
        "nothing was deleted: add --yes to do it",
    ]


def test_it_is_said_by_when_a_job_had_ended_whose_folder_goes_although_others_have_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    share_in(tmp_path, monkeypatch)
    Ledger(tmp_path / "ledger", node="n", lease=30).claim(EVENT, "going on")
    monkeypatch.setattr(cleaning, "_catalogue", nothing)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    told = {}
    for part, age in (("jobs", 0), ("logs", 86400), ("products", 0)):
        clean_here.clean((part,), older_than=age, really=False).show()
        told[part] = capsys.readouterr().out.splitlines()[-2].partition("stays")[2]
    just_now, a_day_ago = (
        time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(1_000_000_000 - 60 - age)) for age in (0, 86400)
    )
    by = ", but for folders and logs of jobs that had ended by"
    assert told == {"jobs": f"{by} {just_now}", "logs": f"{by} {a_day_ago}", "products": ""}


def test_an_error_that_has_no_words_of_its_own_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pika has some for a connection that is lost."""

    def lost(*_: object, **__: object) -> None:
        raise AMQPConnectionError

    for name in ("OODT_ARCHIVE", "OODT_JOBS", "OODT_LEDGER"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(cleaning, "horizon", lost)
    with pytest.raises(SomeFailed, match=r"^not all is done: AMQPConnectionError$"):
        clean_here.clean(("jobs",), older_than=0, really=False)


async def nothing(*_: object, **__: object) -> None:
    """A catalogue without products."""


@dataclass
class FakeCatalogue:
    """Products by id, with their files, and when they were received if that was not long ago."""

    entries: dict[str, list[str]] = field(default_factory=dict)
    received_at: dict[str, float | None] = field(default_factory=dict)
    on_their_way: set[str] = field(default_factory=set)
    reopened: list[str] = field(default_factory=list)
    is_down: bool = False

    async def products(self) -> AsyncIterator[tuple[dict[str, Any], list[str]]]:
        for product, files in list(self.entries.items()):
            status = "TRANSFERING" if product in self.on_their_way else "RECEIVED"
            yield {"id": product, "transferStatus": status}, files

    async def received(self, product: dict[str, Any]) -> float | None:
        return self.received_at.get(product["id"], 0.0)

    async def forget(self, product: dict[str, Any]) -> None:
        del self.entries[product["id"]]

    async def reopen_run(self, run_id: str) -> None:
        if self.is_down:
            raise ConnectionError
        self.reopened.append(run_id)


@dataclass(kw_only=True)
class Site:
    share: Share
    ledger: Ledger
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)

    def job(self, job: str, *, started: float = 0.0) -> Run:
        """A job that runs, with a product and a folder of its own."""
        run = self.ledger.claim(EVENT, job)
        assert isinstance(run, Run)
        if started:
            entry = run.folder / f"{run.entry:04}.json"
            entry.write_text(entry.read_text().replace(str(run.started), str(started)))
        folder = self.share.jobs / EVENT / job
        folder.mkdir(parents=True)
        (folder / "log").write_text("log")
        full_log = self.share.jobs / names.RUN_LOGS / run.id / "task.gz"
        full_log.parent.mkdir(parents=True)
        full_log.write_text("log")
        product = self.share.archive / "TestFile" / f"{job}.dat"
        product.parent.mkdir(exist_ok=True)
        product.write_text("data")
        self.catalogue.entries[job] = [str(product)]
        return run

    def ended(self, job: str) -> None:
        verdict = Verdict(outcome=Outcome(result="succeeded"), attempts=1, node="n", run=1, ended=time.time())
        self.ledger.settle(self.job(job), verdict)

    def clean(
        self,
        *parts: str,
        age: float = 0.0,
        busy: Set[str] | None = frozenset(),
        waiting: Set[PurePath] | None = frozenset(),
        really: bool = True,
    ) -> Cleaned:
        return asyncio.run(
            cleaning.clean(
                self.share,
                cast(FileManager, self.catalogue),
                parts=parts or ("products", "jobs", "logs", "ledger"),
                until=cleaning.horizon(self.share, age=age),
                busy=busy,
                waiting=waiting,
                really=really,
            )
        )

    def plan(self, *parts: str, **about: Any) -> Cleaned:
        return self.clean(*parts, **about, really=False)

    def left(self) -> set[str]:
        return {
            str(path.relative_to(self.share.archive.parent))
            for root in (self.share.archive, self.share.jobs, self.share.ledger)
            for path in root.rglob("*")
            if path.name != ".cleaned"
        }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    share = Share(archive=tmp_path / "archive", jobs=tmp_path / "jobs", ledger=tmp_path / "ledger")
    for folder in (share.archive, share.jobs, share.ledger):
        folder.mkdir()
    return Site(share=share, ledger=Ledger(share.ledger, node="n", lease=30))


def test_what_ended_jobs_have_left_is_deleted_and_their_kinds_folders_stay(site: Site) -> None:
    site.ended("one")
    site.clean()
    assert site.left() == {"archive/TestFile", f"jobs/{EVENT}", "jobs/.logs", f"ledger/{EVENT}"}
    assert site.catalogue.entries == {}


def test_job_folders_and_full_logs_can_go_apart(site: Site) -> None:
    site.ended("one")
    site.clean("jobs")
    assert {"jobs/.logs/one/task.gz", f"ledger/{EVENT}/one"} < site.left()
    assert f"jobs/{EVENT}/one" not in site.left()
    assert site.clean("logs").logs.count == 1
    assert not any(path.startswith("jobs/.logs/") for path in site.left())


def test_a_job_whose_record_is_gone_may_begin_anew_with_the_same_runs(site: Site) -> None:
    site.ended("one")
    site.plan()
    assert site.catalogue.reopened == []
    site.clean()
    assert site.catalogue.reopened == ["one"]


def test_a_clean_up_that_was_stopped_is_finished_by_the_next(site: Site) -> None:
    """The File Manager does not answer when the record is gone from its place."""
    site.ended("one")
    site.catalogue.is_down = True
    with pytest.raises(ConnectionError):
        site.clean("ledger")
    site.catalogue.is_down = False
    assert site.plan("ledger", age=3600).ledger.count == 1
    assert site.clean("ledger", age=3600).ledger.count == 1
    assert site.catalogue.reopened == ["one"]
    assert site.left() >= {f"ledger/{EVENT}"}
    assert list((site.share.ledger / EVENT).iterdir()) == []
    assert site.clean("ledger").ledger.count == 0


def test_what_a_clean_up_has_left_of_a_record_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.ended("one")
    taken = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        taken(path, missing_ok)
        raise InterruptedError

    for _ in range(2):
        monkeypatch.setattr(Path, "unlink", unlink)
        with pytest.raises(InterruptedError):
            site.clean("ledger")
        monkeypatch.undo()
    site.clean("ledger")
    assert list((site.share.ledger / EVENT).iterdir()) == []


def test_a_run_that_has_ended_anew_since_its_record_was_set_aside_stays_closed(site: Site) -> None:
    site.ended("over")
    site.ended("on")
    for job in ("over", "on"):
        assert site.ledger.set_aside(EVENT, job, entry=2) is not None
    run = site.ledger.claim(EVENT, "over")
    assert isinstance(run, Run)
    site.ledger.end(run, Outcome(result="failed"))
    assert isinstance(site.ledger.claim(EVENT, "on"), Run)
    site.clean("ledger")
    assert site.catalogue.reopened == ["on"]


def test_two_clean_ups_at_once_do_no_harm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins each time when the first has set a record aside, and when it removes it."""
    for job in ("one", "two"):
        site.ended(job)
    first, reopen, remove = [True], site.catalogue.reopen_run, shutil.rmtree

    def second() -> None:
        if first:
            first.clear()
            worker = threading.Thread(target=site.clean, args=("ledger",))
            worker.start()
            worker.join()
            first.append(True)

    async def reopen_run(run_id: str) -> None:
        second()
        await reopen(run_id)

    def rmtree(path: Path) -> None:
        second()
        remove(path)

    monkeypatch.setattr(site.catalogue, "reopen_run", reopen_run)
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    site.clean("ledger")
    assert list((site.share.ledger / EVENT).iterdir()) == []
    assert set(site.catalogue.reopened) == {"one", "two"}


def test_a_record_that_is_put_back_is_not_taken_for_one_that_was_left(site: Site) -> None:
    """A clean-up looks, under another name, whether the job was redriven."""
    site.ended("one")
    record = site.share.ledger / EVENT / "one"
    record.rename(record.with_name(f".1-{'0' * 32}"))
    site.clean("ledger")
    assert [path.name for path in (site.share.ledger / EVENT).iterdir()] == [f".1-{'0' * 32}"]


def test_a_plan_deletes_nothing(site: Site) -> None:
    site.ended("one")
    before = site.left()
    plan = site.plan()
    assert (plan.products.count, plan.products.size, plan.catalogue) == (1, 4, 1)
    assert (plan.jobs.examples, plan.ledger.examples) == ([PurePath(EVENT, "one")], [PurePath(EVENT, "one")])
    assert site.left() == before


def test_only_the_chosen_parts_are_deleted(site: Site) -> None:
    site.ended("one")
    site.clean("jobs")
    assert not (site.share.jobs / EVENT / "one").exists()
    assert (site.share.archive / "TestFile" / "one.dat").exists()
    assert site.ledger.verdict(EVENT, "one") is not None


def test_what_is_newer_than_the_start_of_a_job_that_has_not_ended_stays(site: Site) -> None:
    site.ended("one")
    site.job("running")
    before = site.left()
    assert cleaning.horizon(site.share, age=0).unfinished == 1
    site.clean()
    assert site.left() == before


def test_folders_and_logs_of_jobs_that_have_ended_go_although_an_older_job_has_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full share no job ends, and what the others have left there makes room."""
    site.job("full")
    site.ended("ended")
    site.ended("ended-just-now")
    site.job("redriven")
    monkeypatch.setattr(cleaning, "MARGIN_SECONDS", 0.0)
    kept = cleaning.horizon(site.share, age=0.0).ended
    verdict = site.ledger.folder(EVENT, "ended-just-now") / "0002.json"
    verdict.write_text(json.dumps({**json.loads(verdict.read_text()), "ended": kept + 3600}))
    cleaned = site.clean("jobs", "logs")
    assert (cleaned.jobs.examples, cleaned.logs.examples) == (
        [PurePath(f"{EVENT}/ended")],
        [PurePath(".logs/ended")],
    )


def test_a_folder_that_is_written_to_after_the_ledger_was_asked_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another clean-up took its record, and the job was submitted again: its run has the same id."""
    site.job("full")
    for job in ("ended", "again"):
        site.ended(job)
    monkeypatch.setattr(cleaning, "MARGIN_SECONDS", 0.0)
    had_ended = cleaning._had_ended

    def submitted_again(ledger: Ledger, run_id: str, by: float) -> bool:
        found = had_ended(ledger, run_id, by)
        time.sleep(0.02)
        (site.share.jobs / EVENT / "again" / "new").touch()
        return found

    monkeypatch.setattr(cleaning, "_had_ended", submitted_again)
    assert site.clean("jobs").jobs.examples == [PurePath(f"{EVENT}/ended")]
    assert (site.share.jobs / EVENT / "again" / "new").exists()


def test_a_record_that_another_clean_up_takes_away_meanwhile_is_no_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.job("full")
    site.ended("ended")
    monkeypatch.setattr(cleaning, "MARGIN_SECONDS", 0.0)
    numbers, looks = entries.numbers, []

    def taken_at_the_second_look(folder: Path) -> list[int]:
        found = numbers(folder)
        if folder.name == "ended":
            looks.append(folder)
            if len(looks) == 2:
                site.ledger.set_aside(EVENT, "ended", entry=2)
        return found

    monkeypatch.setattr(entries, "numbers", taken_at_the_second_look)
    assert site.clean("jobs", "logs").jobs.count == 0
    assert len(looks) == 2


def test_what_is_older_than_a_running_job_goes(site: Site) -> None:
    site.ended("one")
    site.job("running", started=time.time() + 3600)
    plan = site.plan("ledger")
    assert plan.ledger.examples == [PurePath(EVENT, "one")]


def test_what_is_young_stays_when_only_the_old_is_asked_for(site: Site) -> None:
    site.ended("one")
    plan = site.plan(age=3600)
    assert not (plan.products.count or plan.jobs.count or plan.ledger.count or plan.catalogue)


@pytest.mark.parametrize("busy", [{EVENT}, None])
def test_the_record_of_a_cancelled_job_stays_while_its_message_may_be_queued(
    site: Site, busy: set[str] | None
) -> None:
    site.ledger.cancel(EVENT, "cancelled")
    assert site.plan("ledger", busy=busy).ledger.count == 0
    assert site.plan("ledger", busy={"other"}).ledger.count == 1


def test_the_record_of_a_job_stays_while_a_duplicate_of_its_message_may_be_queued(site: Site) -> None:
    site.ended("one")
    assert site.plan("ledger", busy={EVENT}).ledger.count == 0
    long_ago = time.time() - BUSY_SECONDS - 60
    entry = site.share.ledger / EVENT / "one" / "0002.json"
    entry.write_text(re.sub(r'"ended": [0-9.]+', f'"ended": {long_ago}', entry.read_text()))
    assert site.plan("ledger", busy={EVENT}).ledger.count == 1


def test_the_record_of_a_job_stays_while_it_has_a_message_in_the_dead_queue_and_is_not_dead(
    site: Site,
) -> None:
    """A redrive that was killed has left the message. The next one would run the job again."""
    failed = Verdict(outcome=Outcome(result="failed"), attempts=1, node="n", run=1, ended=time.time())
    site.ended("back")
    site.ledger.settle(site.job("dead"), failed)
    waiting = {PurePath(EVENT, job) for job in ("back", "dead")}
    for where in (waiting, None):  # None: the broker does not tell
        assert site.plan("ledger", waiting=where).ledger.examples == [PurePath(EVENT, "dead")]
    assert site.plan("ledger").ledger.count == 2


def test_the_record_of_a_job_that_is_redriven_meanwhile_stays(site: Site) -> None:
    verdict = Verdict(outcome=Outcome(result="failed"), attempts=1, node="n", run=1, ended=time.time())
    site.ledger.settle(site.job("dead"), verdict)
    assert isinstance(site.ledger.claim(EVENT, "dead", redrive="once"), Run)
    assert site.ledger.set_aside(EVENT, "dead", entry=2) is None
    assert isinstance(site.ledger.claim(EVENT, "dead"), RunsElsewhere)
    aside = site.ledger.set_aside(EVENT, "dead", entry=4)
    assert aside is not None
    assert isinstance(site.ledger.claim(EVENT, "dead"), Run)
    site.ledger.remove(aside)
    assert [path.name for path in (site.share.ledger / EVENT).iterdir()] == ["dead"]


@pytest.mark.parametrize(("busy", "stays"), [({EVENT}, True), (None, True), (set(), False)])
def test_the_name_of_a_cancelled_batch_may_be_used_again_when_no_message_is_left(
    site: Site, busy: set[str] | None, stays: bool
) -> None:
    site.ledger.cancel_batch(EVENT, "batch")
    site.clean("ledger", busy=busy)
    claim = site.ledger.claim(EVENT, "job", batch="batch")
    assert isinstance(claim, Verdict) == stays


def test_what_comes_into_being_while_it_is_cleaned_stays(site: Site) -> None:
    until = cleaning.horizon(site.share, age=0)
    time.sleep(0.01)
    site.ended("late")
    before = site.left()
    file_manager = cast(FileManager, site.catalogue)
    asyncio.run(
        cleaning.clean(
            site.share,
            file_manager,
            parts=("products", "jobs", "logs", "ledger"),
            until=until,
            busy=set(),
            waiting=set(),
            really=True,
        )
    )
    assert site.left() == before


def test_a_product_with_a_file_that_stays_keeps_its_catalogue_entry(site: Site, tmp_path: Path) -> None:
    site.ended("one")
    site.catalogue.entries["elsewhere"] = [str(tmp_path / "elsewhere")]
    site.catalogue.entries["half"] = [*site.catalogue.entries["one"], str(tmp_path / "elsewhere")]
    site.catalogue.entries["none"] = []
    site.clean()
    assert set(site.catalogue.entries) == {"elsewhere", "half", "none"}


def test_an_entry_whose_file_has_been_deleted_goes(site: Site) -> None:
    site.ended("one")
    (site.share.archive / "TestFile" / "one.dat").unlink()
    site.clean()
    assert site.catalogue.entries == {}


def test_an_entry_goes_when_the_last_of_its_files_goes(site: Site) -> None:
    site.ended("one")
    site.catalogue.entries["one"].append(str(site.share.archive / "TestFile" / "gone.dat"))
    site.clean()
    assert site.catalogue.entries == {}


@pytest.mark.parametrize("why", ["young", "of unknown age", "on its way"])
def test_an_entry_whose_file_may_still_come_stays(site: Site, why: str) -> None:
    site.ended("one")
    (site.share.archive / "TestFile" / "one.dat").unlink()
    if why == "on its way":
        site.catalogue.on_their_way.add("one")
    else:
        site.catalogue.received_at["one"] = time.time() if why == "young" else None
    site.clean()
    assert set(site.catalogue.entries) == {"one"}


def test_an_archive_that_is_not_mounted_costs_no_entry(site: Site) -> None:
    site.ended("one")
    (site.share.archive / "TestFile" / "one.dat").unlink()
    (site.share.archive / "TestFile").rmdir()
    site.clean()
    assert set(site.catalogue.entries) == {"one"}


def test_a_product_that_is_a_folder_goes_with_all_that_is_in_it(site: Site) -> None:
    site.ended("one")
    folder = site.share.archive / "TestFile" / "cube"
    folder.mkdir()
    (folder / "band").write_text("data")
    site.catalogue.entries["cube"] = [str(folder), str(folder / "band")]
    site.catalogue.entries["bare"] = [str(site.share.archive / "TestFile")]
    site.clean()
    assert set(site.catalogue.entries) == {"bare"}


def test_products_that_share_a_file_go_together(site: Site) -> None:
    site.ended("one")
    site.catalogue.entries["same"] = list(site.catalogue.entries["one"])
    site.clean()
    assert site.catalogue.entries == {}


def test_links_are_deleted_and_what_they_lead_to_stays(site: Site, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "precious").write_text("data")
    (site.share.archive / "folder").symlink_to(outside)
    (site.share.archive / "TestFile").mkdir()
    (site.share.archive / "TestFile" / "file.dat").symlink_to(outside / "precious")
    (site.share.jobs / EVENT / "job").mkdir(parents=True)
    (site.share.jobs / EVENT / "job" / "link").symlink_to(outside)
    (site.share.jobs / "linked-workflow").symlink_to(outside)
    site.clean()
    assert sorted(path.name for path in outside.iterdir()) == ["deep", "precious"]
    assert not (site.share.archive / "TestFile" / "file.dat").is_symlink()
    assert not (site.share.jobs / EVENT / "job").exists()


def test_a_link_in_place_of_a_folder_that_was_planned_is_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "precious").write_text("data")
    (root / "folder").symlink_to(outside)
    with NoFollowFolder(root) as folder, pytest.raises(OSError, match="folder"):
        folder.remove(PurePath("folder", "precious"))
    assert (outside / "precious").exists()


@pytest.mark.parametrize("path", ["../outside/precious", "folder/../../outside/precious"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("data")
    (tmp_path / "root" / "folder").mkdir(parents=True)
    with NoFollowFolder(tmp_path / "root") as folder, pytest.raises(ValueError, match="leads out"):
        folder.remove(PurePath(path))


def test_the_root_of_the_file_system_is_refused() -> None:
    with pytest.raises(ValueError, match="root of the file system"):
        NoFollowFolder(Path("/tmp/.."))


def test_no_handle_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    with NoFollowFolder(tmp_path) as folder:
        folder.remove(PurePath("a", "b"))
        list(folder.files())
    assert len(os.listdir("/proc/self/fd")) == before
