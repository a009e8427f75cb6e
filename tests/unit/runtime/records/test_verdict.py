"""Verdicts on journals, each of which OODT calls FINISHED."""

from typing import Any

import pytest

from runtime.records.verdict import ended, judge, products, traces, unanswered

Lines = list[dict[str, Any]]

OPENED: Lines = [{"kind": "opened", "job": "j"}]
INSTANCE: Lines = [
    {"kind": "instance", "wm": "boot", "tasks": [{"id": "one", "pge": True}, {"id": "two", "pge": True}]}
]


def status(name: str, task: str = "one") -> Lines:
    return [{"kind": "status", "status": name, "task": task}]


def ingested(file: str, *, received: bool = True) -> Lines:
    product = f"id-of-{file}"
    lines: Lines = [
        {"kind": "ingest", "file": file, "product": product, "name": file.strip("/"), "type": "T"}
    ]
    lines += [{"kind": "reference", "product": product, "archived": f"/archive{file}"}]
    return lines + ([{"kind": "received", "product": product}] if received else [])


def task(
    name: str, *, exit_code: int = 0, evidence: Lines | None = None, problems: list[str] | None = None
) -> Lines:
    lines = status("STARTED", name) + status("PGETask_Running", name)
    if exit_code == 0:
        lines += [{"kind": "expects", "task": name, "files": [f"/{name}"], "problems": problems or []}]
        lines += status("PGETask_Crawling", name)
        lines += ingested(f"/{name}") if evidence is None else evidence
    return [*lines, {"kind": "task-ended", "task": name}]


def journal(one: Lines | None = None, two: Lines | None = None) -> Lines:
    both = (task("one") if one is None else one) + (task("two") if two is None else two)
    return OPENED + INSTANCE + status("CREATED", "null") + both + status("FINISHED", "two")


def test_a_failure_has_the_log_of_the_task_that_failed() -> None:
    logs = [{"kind": "log", "task": name, "text": f"log of {name}"} for name in ("one", "two")]
    outcome = judge([[*journal(one=task("one", problems=["no file"])), *logs]])
    assert outcome.log == "log of one"


def test_a_run_with_every_piece_of_evidence_has_succeeded() -> None:
    outcome = judge([journal()])
    assert outcome.result == "succeeded"
    assert [(product.name, product.archived) for product in outcome.products] == [
        ("one", ("/archive/one",)),
        ("two", ("/archive/two",)),
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (journal(one=task("one", exit_code=1)), "task one: its program did not exit with 0"),
        (journal(two=task("two", exit_code=1)), "task two: its program did not exit with 0"),
        (journal(two=[]), "task two: it did not run to its end"),
        (
            journal(
                one=[
                    *task("one", exit_code=3),
                    {"kind": "task-failed", "task": "one", "error": "its program exited with 3"},
                ],
                two=[],
            ),
            "task one: its program exited with 3",
        ),
        (OPENED + status("FINISHED"), "the Workflow Manager made no workflow instance"),
        (
            journal(one=task("one", problems=["no file matches .*dat in /jobs/1"])),
            "task one: no file matches .*dat in /jobs/1",
        ),
        (
            journal(two=task("two", evidence=[{"kind": "refused", "file": "/two", "fault": "disk full"}])),
            "task two: output /two was not ingested: disk full",
        ),
        (
            journal(two=task("two", evidence=[])),
            "task two: output /two was not ingested: the crawler did not offer it to the File Manager",
        ),
        (
            journal(two=task("two", evidence=ingested("/two", received=False))),
            "task two: output /two is in the catalogue but did not reach the archive",
        ),
        (
            journal(
                two=task("two", evidence=[*ingested("/two"), {"kind": "removed", "product": "id-of-/two"}])
            ),
            "task two: output /two was not ingested: the crawler did not offer it to the File Manager",
        ),
        (
            journal(
                two=task(
                    "two",
                    evidence=[
                        *ingested("/two", received=False),
                        {"kind": "removed", "product": "id-of-/two", "why": "the disk of /archive is full"},
                    ],
                )
            ),
            "task two: output /two did not reach the archive: the disk of /archive is full",
        ),
        (
            journal(
                one=[
                    *task("one", exit_code=1),
                    {"kind": "task-failed", "task": "one", "error": "no PGE file"},
                ]
            ),
            "task one: no PGE file",
        ),
    ],
)
def test_finished_without_evidence_is_failed_and_may_be_tried_again(lines: Lines, reason: str) -> None:
    outcome = judge([lines])
    assert (outcome.result, outcome.final, outcome.reason) == ("failed", False, reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([], "task one: a metadata field that it requires is missing"),
        (["Run"], "task one: metadata field Run is missing"),
        (["Run", "Project"], "task one: metadata fields Run, Project are missing"),
    ],
)
def test_missing_metadata_is_final(fields: list[str], reason: str) -> None:
    [line] = status("METMISS")
    outcome = judge([[*OPENED, *INSTANCE, {**line, "missing": fields}]])
    assert (outcome.result, outcome.final, outcome.reason) == ("failed", True, reason)


def test_an_output_that_was_refused_once_and_then_ingested_is_ingested() -> None:
    evidence: Lines = [{"kind": "refused", "file": "/two", "fault": "busy"}, *ingested("/two")]
    assert judge([journal(two=task("two", evidence=evidence))]).result == "succeeded"


def test_a_task_that_is_no_pge_proves_itself_by_its_end() -> None:
    lines: Lines = [{"kind": "instance", "wm": "boot", "tasks": [{"id": "one", "pge": False}]}]
    lines += [*status("STARTED"), {"kind": "task-ended", "task": "one"}, *status("FINISHED")]
    assert judge([lines]).result == "succeeded"


def test_each_workflow_that_the_event_starts_must_succeed() -> None:
    assert len(judge([journal(), journal()]).products) == 4
    assert judge([journal(), journal(two=task("two", exit_code=1))]).result == "failed"


def test_a_run_has_ended_with_its_last_task_or_for_want_of_metadata() -> None:
    assert not ended(journal()[:-1])
    assert ended(journal())
    assert ended(INSTANCE + status("CREATED", "null") + status("METMISS"))


def test_a_stopped_run_has_ended_only_when_its_task_has() -> None:
    stopped = INSTANCE + status("STARTED") + status("PGETask_Running") + status("FINISHED")
    assert not ended(stopped)
    assert ended([*stopped, {"kind": "task-ended", "task": "one"}])


def test_products_that_were_removed_are_none() -> None:
    assert products([*ingested("/one"), {"kind": "removed", "product": "id-of-/one"}]) == ()


def test_the_file_of_a_product_that_oodts_client_took_back_is_left_to_be_withdrawn() -> None:
    taken_back = [*ingested("/one"), {"kind": "removed", "product": "id-of-/one"}]
    [product] = traces(taken_back)
    assert product.archived == ("/archive/one",)
    assert traces([*taken_back, {"kind": "withdrawn", "product": product.id}]) == ()


def test_a_task_whose_outputs_are_not_on_record_has_not_succeeded() -> None:
    lines = [line for line in journal() if line["kind"] != "expects" or line["task"] != "two"]
    outcome = judge([lines])
    assert outcome.result == "failed"
    assert outcome.reason == "task two: it is not on record which outputs it has made"


@pytest.mark.parametrize(
    ("answer", "may_be_there"),
    [
        ([], True),
        ([{"kind": "ingest-failed", "file": "/a", "fault": "disk full"}], True),
        ([{"kind": "refused", "file": "/a", "fault": "not reachable"}], False),
        ([{"kind": "ingest", "file": "/a", "product": "1"}], False),
        ([{"kind": "ingest", "file": "/b", "product": "1"}], True),
    ],
)
def test_an_ingest_may_have_been_done_unless_it_is_on_record_or_was_never_sent(
    answer: Lines, may_be_there: bool
) -> None:
    lines: Lines = [{"kind": "ingesting", "file": "/a", "name": "a"}, *answer]
    assert bool(unanswered(lines)) == may_be_there
