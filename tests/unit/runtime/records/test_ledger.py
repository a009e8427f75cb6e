"""Who may run a job, and what is remembered of it."""

import multiprocessing
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.outcome import Outcome, Product
from runtime.records import entries
from runtime.records.ledger import (
    Ledger,
    OtherJob,
    Replaced,
    Run,
    RunsElsewhere,
    Superseded,
    Verdict,
    message_of,
)

EVENT = "test-workflow"
PRODUCT = Product(id="1", name="p", type="T", archived=("/archive/p",))
VERDICT = Verdict(
    outcome=Outcome(result="succeeded", products=(PRODUCT,)), attempts=1, node="node1", started=1.0, ended=2.0
)
FAILED = Outcome(result="failed", reason="exit 1")


def ledger(root: Path, node: str = "node1", lease: float = 30) -> Ledger:
    return Ledger(root, node=node, lease=lease)


def claimed(book: Ledger, job: str = "job") -> Run:
    run = book.claim(EVENT, job)
    assert isinstance(run, Run)
    return run


def expire(run: Run) -> None:
    """Make a lease look as old as the worker's last sign of life a minute ago."""
    past = time.time() - 60
    os.utime(run.folder / f"{run.entry:04}.json", (past, past))


def test_the_first_claim_is_run_one_and_has_the_jobs_id(tmp_path: Path) -> None:
    run = claimed(ledger(tmp_path))
    assert (run.number, run.id, run.failures, run.interruptions) == (1, "job", 0, 0)


def died(book: Ledger, digest: str) -> None:
    run = book.claim(EVENT, "job", digest=digest, message={"metadata": {"A": digest}})
    assert isinstance(run, Run)
    book.settle(run, Verdict(outcome=FAILED, attempts=1, node="node1", run=1, ended=2.0))


def test_an_edit_runs_a_dead_job_again_and_the_old_values_stay_on_record(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    died(book, "old")
    edit = {"redrive": "again", "digest": "new", "edited": ["old"], "message": {"metadata": {"A": "new"}}}
    run = book.claim(EVENT, "job", **edit)  # type: ignore[arg-type]
    assert isinstance(run, Run)
    assert (run.number, run.failures) == (2, 0)
    history = book.history(EVENT, "job")
    messages = [entry["message"]["metadata"] for entry in history if "message" in entry]
    assert messages == [{"A": "old"}, {"A": "new"}]
    assert message_of(history) == {"metadata": {"A": "new"}}


def test_a_message_from_before_an_edit_is_the_jobs_no_more(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    died(book, "old")
    run = book.claim(EVENT, "job", digest="newest", edited=["new", "old"], redrive="again")
    assert isinstance(run, Run)
    # One edit is older, the other was never seen here.
    for digest, edited in (("old", []), ("new", ["old"])):
        assert book.claim(EVENT, "job", digest=digest, edited=edited, redrive="later") == Replaced()
        assert book.give_up(EVENT, "job", "expired", digest=digest, edited=edited) == Replaced()
    assert book.claim(EVENT, "job", digest="other", redrive="later") == OtherJob()
    book.settle(run, VERDICT)
    assert isinstance(book.claim(EVENT, "job", digest="newest", edited=["new", "old"]), Verdict)


def test_an_edit_can_be_taken_back(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    died(book, "one")
    for digest, edited in (("other", ["one"]), ("one", ["other", "one"])):
        run = book.claim(EVENT, "job", digest=digest, edited=edited, redrive=f"to {digest}")
        assert isinstance(run, Run)
        book.settle(run, Verdict(outcome=FAILED, attempts=1, node="node1", run=run.number, ended=2.0))
    assert isinstance(book.claim(EVENT, "job", digest="one"), Verdict)
    assert book.claim(EVENT, "job", digest="other") == Replaced()


def test_a_job_that_was_cancelled_while_its_edit_was_queued_stays_so(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    died(book, "old")
    assert book.cancel(EVENT, "job", redrive="again").state == "CANCELLED"
    found = book.claim(EVENT, "job", digest="new", edited=["old"], redrive="again")
    assert isinstance(found, Verdict) and found.state == "CANCELLED"


def test_an_edit_needs_a_redrive_that_is_new(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    died(book, "old")
    assert book.claim(EVENT, "job", digest="new", edited=["old"]) == OtherJob()


def test_an_edit_of_a_job_that_succeeded_meanwhile_changes_nothing(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = book.claim(EVENT, "job", digest="old")
    assert isinstance(run, Run)
    book.settle(run, VERDICT)
    found = book.claim(EVENT, "job", digest="new", edited=["old"], redrive="again")
    assert isinstance(found, Verdict) and found.state == "SUCCEEDED"


def test_an_edit_takes_the_job_over_between_two_runs_of_an_older_message(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = book.claim(EVENT, "job", digest="old")
    assert isinstance(run, Run)
    edit = {"digest": "new", "edited": ["old"], "redrive": "again", "message": {"metadata": {}}}
    assert isinstance(book.claim(EVENT, "job", **edit), RunsElsewhere)  # type: ignore[arg-type]
    book.end(run, FAILED)
    assert isinstance(book.claim(EVENT, "job", **edit), Run)  # type: ignore[arg-type]
    assert book.claim(EVENT, "job", digest="old") == Replaced()
    assert message_of(book.history(EVENT, "job")) == {"metadata": {}}


def test_an_id_stays_with_the_metadata_that_it_first_ran_with(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = book.claim(EVENT, "job", digest="one")
    assert isinstance(run, Run)
    assert book.claim(EVENT, "job", digest="other") == OtherJob()
    book.settle(run, VERDICT)
    assert book.claim(EVENT, "job", digest="other", redrive="again") == OtherJob()
    assert book.give_up(EVENT, "job", "expired", digest="other") == OtherJob()
    assert book.claim(EVENT, "job", digest="one") == VERDICT
    # A version without digests may have begun the job.
    claimed(book, "older")
    assert book.claim(EVENT, "older", digest="one") != OtherJob()


def test_no_two_runs_have_the_same_id(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    ids = []
    for event, job in ((EVENT, "job"), (EVENT, "job-2"), ("other-workflow", "job")):
        for _ in range(2):
            run = book.claim(event, job)
            assert isinstance(run, Run)
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]*", run.id)
            book.end(run, FAILED)
            ids.append(run.id)
    assert len(set(ids)) == 6
    assert ids[:4] == ["job", "job~2", "job-2", "job-2~2"]


def test_of_jobs_of_two_events_that_begin_together_at_least_one_is_named_after_its_event(
    tmp_path: Path,
) -> None:
    def claim(event: str) -> str:
        run = ledger(tmp_path).claim(event, job)
        assert isinstance(run, Run)
        return run.id

    with ThreadPoolExecutor(2) as pool:
        for number in range(200):
            job = f"job{number}"
            one, other = pool.map(claim, (EVENT, "other-workflow"))
            assert one != other


def test_a_job_that_another_worker_runs_is_held(tmp_path: Path) -> None:
    claimed(ledger(tmp_path, "node1"))
    assert ledger(tmp_path, "node2").claim(EVENT, "job") == RunsElsewhere(node="node1")


def test_a_worker_that_says_nothing_loses_the_job_and_the_run_is_no_failure(tmp_path: Path) -> None:
    expire(claimed(ledger(tmp_path, "node1")))
    run = claimed(ledger(tmp_path, "node2"))
    assert (run.number, run.id, run.failures, run.interruptions) == (2, "job~2", 0, 1)


def test_a_renewed_lease_is_alive(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = claimed(book)
    expire(run)
    book.renew(run)
    assert isinstance(ledger(tmp_path, "node2").claim(EVENT, "job"), RunsElsewhere)


def test_failed_and_interrupted_runs_are_counted_apart(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.end(claimed(book), FAILED)
    book.end(claimed(book), Outcome(result="interrupted", reason="restart"))
    book.end(claimed(book), FAILED)
    run = claimed(book)
    assert (run.number, run.failures, run.interruptions) == (4, 2, 1)


def test_a_settled_job_is_never_run_again(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.settle(claimed(book), VERDICT)
    assert ledger(tmp_path, "node2").claim(EVENT, "job") == VERDICT
    assert book.verdict(EVENT, "job") == VERDICT


def test_a_job_without_verdict_has_none(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert book.verdict(EVENT, "job") is None
    claimed(book)
    assert book.verdict(EVENT, "job") is None


def test_a_worker_that_comes_back_late_can_neither_settle_nor_end_nor_renew(tmp_path: Path) -> None:
    late = ledger(tmp_path, "node1")
    run = claimed(late)
    expire(run)
    claimed(ledger(tmp_path, "node2"))
    assert not late.is_current(run.folder, run.number)
    with pytest.raises(Superseded):
        late.settle(run, VERDICT)
    with pytest.raises(Superseded):
        late.end(run, FAILED)
    with pytest.raises(Superseded):
        late.renew(run)


def dead(book: Ledger, run: Run) -> Verdict:
    verdict = Verdict(
        outcome=Outcome(result="failed"), attempts=run.failures + 1, node="node1", run=run.number, ended=2.0
    )
    book.settle(run, verdict)
    return verdict


def test_a_dead_job_that_is_redriven_begins_a_new_run_with_no_failures(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.end(claimed(book), FAILED)
    dead(book, claimed(book))
    run = book.claim(EVENT, "job", redrive="again")
    assert isinstance(run, Run)
    assert (run.number, run.id, run.failures, run.interruptions) == (3, "job~3", 0, 0)


def test_one_redrive_gives_one_chance_however_often_its_message_comes(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    dead(book, claimed(book))
    run = book.claim(EVENT, "job", redrive="again")
    assert isinstance(run, Run)
    verdict = dead(book, run)
    assert book.claim(EVENT, "job", redrive="again") == verdict
    assert isinstance(book.claim(EVENT, "job", redrive="and again"), Run)


def test_a_job_that_has_succeeded_is_not_redriven(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.settle(claimed(book), VERDICT)
    assert book.claim(EVENT, "job", redrive="again") == VERDICT


def test_a_cancelled_job_never_begins(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    verdict = book.cancel(EVENT, "job")
    assert (verdict.state, verdict.attempts, verdict.run) == ("CANCELLED", 0, 0)
    assert ledger(tmp_path, "node2").claim(EVENT, "job") == verdict


def test_the_worker_of_a_cancelled_run_learns_of_it_and_cannot_settle_it(tmp_path: Path) -> None:
    worker = ledger(tmp_path)
    run = claimed(worker)
    verdict = ledger(tmp_path, "oodt-status").cancel(EVENT, "job")
    assert (verdict.state, verdict.attempts, verdict.run) == ("CANCELLED", 1, 1)
    with pytest.raises(Superseded):
        worker.renew(run)
    with pytest.raises(Superseded):
        worker.settle(run, VERDICT)


def test_a_job_that_has_ended_is_not_cancelled(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.settle(claimed(book), VERDICT)
    assert book.cancel(EVENT, "job") == VERDICT


def test_no_job_of_a_cancelled_batch_begins(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.cancel_batch(EVENT, "batch")
    verdict = book.claim(EVENT, "batch.1", batch="batch")
    assert isinstance(verdict, Verdict) and verdict.state == "CANCELLED"
    assert isinstance(book.claim(EVENT, "other.1", batch="other"), Run)
    assert isinstance(book.claim(EVENT, "strange", batch="../../etc"), Run)


def test_a_run_is_adopted_only_while_it_is_current(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = claimed(book)
    assert ledger(tmp_path).adopt(EVENT, "job", 1) == run
    book.end(run, FAILED)
    assert ledger(tmp_path).adopt(EVENT, "job", 1) is None
    assert ledger(tmp_path).adopt(EVENT, "unknown", 1) is None


def test_of_many_threads_exactly_one_claims_an_abandoned_run(tmp_path: Path) -> None:
    expire(claimed(ledger(tmp_path)))
    books = [ledger(tmp_path, f"node{number}") for number in range(16)]
    with ThreadPoolExecutor(len(books)) as pool:
        claims = list(pool.map(lambda book: book.claim(EVENT, "job"), books))
    assert sum(isinstance(claim, Run) for claim in claims) == 1
    assert all(isinstance(claim, Run | RunsElsewhere) for claim in claims)


def _claim_all(root: Path, node: str, jobs: int) -> list[str]:
    book = ledger(root, node)
    return [
        job for job in (f"job-{number}" for number in range(jobs)) if isinstance(book.claim(EVENT, job), Run)
    ]


def test_of_several_processes_exactly_one_gets_each_job(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        claims = pool.starmap(_claim_all, [(tmp_path, f"node{number}", 40) for number in range(3)])
    won = sorted(job for jobs in claims for job in jobs)
    assert won == sorted(f"job-{number}" for number in range(40))


def test_product_lines_outlive_a_writer_that_died_in_mid_line(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = claimed(book)
    book.add_product_line(run.folder, 1, {"kind": "ingest", "product": "1"})
    with open(run.folder / "products-1.jsonl", "ab") as file:
        file.write(b'{"kind": "ing')
    book.add_product_line(run.folder, 1, {"kind": "ingest", "product": "2"})
    assert [line["product"] for line in book.products(run.folder)[1]] == ["1", "2"]


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.settle(claimed(book), VERDICT)
    book.claim(EVENT, "job")
    assert sorted(path.name for path in (tmp_path / EVENT / "job").iterdir()) == ["0001.json", "0002.json"]


def test_other_users_cannot_read_the_ledger(tmp_path: Path) -> None:
    run = claimed(ledger(tmp_path / "ledger"))
    assert run.folder.stat().st_mode & 0o077 == 0


def test_a_dead_job_that_is_queued_again_can_be_cancelled(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    dead(book, claimed(book))
    assert book.cancel(EVENT, "job").state == "DEAD"
    assert book.cancel(EVENT, "job", redrive="one").state == "CANCELLED"
    claim = book.claim(EVENT, "job", redrive="one")
    assert isinstance(claim, Verdict) and claim.state == "CANCELLED"


def test_a_redriven_job_of_a_cancelled_batch_is_cancelled(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    dead(book, claimed(book))
    book.cancel_batch(EVENT, "batch")
    claim = book.claim(EVENT, "job", batch="batch", redrive="one")
    assert isinstance(claim, Verdict) and claim.state == "CANCELLED"


def test_the_first_run_keeps_what_the_message_is_made_of(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    message = {"metadata": {"Run": "1"}, "batch": None, "priority": 1, "queued": 1.0}
    run = book.claim(EVENT, "job", message=message)
    assert isinstance(run, Run)
    book.end(run, FAILED)
    assert isinstance(book.claim(EVENT, "job", message=message), Run)
    history = entries.read_all(tmp_path / EVENT / "job")
    assert [entry.get("message") for entry in history] == [message, None, None]
    assert message_of(history) == message


def test_a_job_that_has_succeeded_runs_again_only_if_nothing_has_changed_since(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.settle(claimed(book), VERDICT)
    assert not book.repeat(EVENT, "job", entry=1, redrive="one")
    assert book.repeat(EVENT, "job", entry=2, redrive="one")
    assert not book.repeat(EVENT, "job", entry=2, redrive="two")
    run = book.claim(EVENT, "job", redrive="one")
    assert isinstance(run, Run)
    assert (run.number, run.failures, run.interruptions) == (2, 0, 0)
    assert not book.repeat(EVENT, "gone", entry=2, redrive="one")


def test_a_job_has_a_worker_while_its_lease_is_not_over(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    run = claimed(book)
    history = entries.read_all(run.folder)
    assert book.has_worker(EVENT, "job", history)
    expire(run)
    assert not book.has_worker(EVENT, "job", history)
    assert not book.has_worker(EVENT, "new", [])


def test_it_is_on_record_up_to_when_products_were_deleted(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert book.cleaned() == 0.0
    book.note_cleaned(100.0)
    book.note_cleaned(50.0)
    assert book.cleaned() == 100.0
