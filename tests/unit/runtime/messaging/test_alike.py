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
    ],
)
def test_what_is_the_jobs_own_is_left_out(form: str, common: str) -> None:
    jobs = ("20260105-101500-3f2a1c.7", "7"), ("20260105-101500-3f2a1c.8", "8")
    assert {shared(form.format(*job), job[0]) for job in jobs} == {common}


@pytest.mark.parametrize(
    "reason",
    [
        "task urn:oodt:TestWorkflowTask2: its program did not exit with 0 but with 137",
        "it did not end within 3600 s",
        "task t: metadata field Project is missing",
        "10 of its runs ended with their Workflow Manager or node",
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
