"""Jobs that failed for one reason have one reason, and others have not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.messaging.alike import LENGTH, shared

FILE = "/usr/local/oodt/pges/test-workflow/jobs/{0}/task-2/output_Run_{1}_Task_2_{0}.dat"


@pytest.mark.parametrize(
    ("form", "common"),
    [
        (f"task t: output {FILE} was not ingested: refused", "task t: output … was not ingested: refused"),
        ("no product output_Run_{1}_{0}.dat in {0}", "no product … in …"),
        (f"{FILE}: gone; output_Run_{{1}}_Task_2_{{0}}.dat is not there", "…: gone; … is not there"),
        ("run {0}~2 was refused", "run … was refused"),
        ("file:/data/in/granule-{1}00000.nc: No such file", "…: No such file"),
        ("Product@1f{1}b7c2 at 173290{1}0", "Product@… at …"),
        ("lock 0f8fad5b-d9cb-469f-a165-7086767{1}950e", "lock …"),
        ("refused at 12:34:5{1}", "refused at …"),
        ("refused at 12:34:56.{1}89123, HTTP 503", "refused at …, HTTP 503"),
        ("12:34:5{1},123 ERROR: exit 137", "… ERROR: exit 137"),
        ("no tile of 2026-11-0{1}", "no tile of …"),
        ("at 2026-11-30T12:34:5{1}Z: line 12", "at …: line 12"),
        ("at 2026/11/30 12:3{1}:56.5 +0100: line 12:34", "at …: line 12:34"),
        ("at 2026-11-30 12:3{1} UTC", "at …"),
        ("at Mon Nov 30 12:34:5{1} UTC 2026", "at … 2026"),
        ("/data/2026-11-30T12:34:5{1}Z/in.nc: gone", "…: gone"),
        ("out_20261130T12345{1}Z.nc was not ingested", "out_….nc was not ingested"),
    ],
)
def test_what_is_the_jobs_own_is_left_out(form: str, common: str) -> None:
    jobs = ("20260105-101500-3f2a1c.7", "7"), ("20260105-101500-3f2a1c.8", "8")
    assert {shared(form.format(*job), job[0]) for job in jobs} == {common}


@pytest.mark.parametrize("batch", ["20260105-101500-3f2a1c", "of-2026-11-30", "at-20261130T123456Z"])
def test_what_a_changed_batch_was_refused_for_is_one_reason_whichever_ids_its_jobs_had(batch: str) -> None:
    words = "message id {0} is that of a job with other metadata; a redrive runs this as {1}"
    jobs = {f"{batch}.{n}": f"{batch}.{n}.{n:012x}" for n in range(1, 501)} | {"7": "7.3f2a1c3f2a1c"}
    assert {shared(words.format(*ids), ids[1]) for ids in jobs.items()} == {words.format("…", "…")}


@pytest.mark.parametrize(
    "reason",
    [
        "task urn:oodt:TestWorkflowTask2: its program did not exit with 0 but with 137",
        "it did not end within 3600 s",
        "task t: metadata field Project is missing",
        "10 of its runs have no end on record: their Workflow Manager, their node or the share failed",
        "main.c:12:34: error 2026: HTTP 503, version 20.11.30, ratio 16:9",
        "no answer of 00:16:3e:12:34:56:7a, nor of ab:12:34:56",
        "May 3 of 10 be missing",
    ],
)
@pytest.mark.parametrize("job", ["b.1", "137", "0", "10", "t"])
def test_codes_limits_and_names_stay(reason: str, job: str) -> None:
    assert shared(reason, "b.1") == reason
    if job.isdecimal():
        assert shared(reason, job) == reason


@given(st.text(max_size=3000), st.text(min_size=1, max_size=50))
def test_any_text_is_taken_in_time_and_stays_short(reason: str, job: str) -> None:
    assert len(shared(reason, job)) <= LENGTH + 1
