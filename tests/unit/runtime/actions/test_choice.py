"""Which dead jobs a redrive means."""

import pytest

from runtime.actions.redrive import Choice
from runtime.messaging import messages

FILE = "task t: output /jobs/{0}/out.dat was not ingested: refused"
REASONS = {
    "b.1": FILE.format("b.1"),
    "b.2": FILE.format("b.2"),
    "c.1": "its program did not exit with 0 but with 1",
    "c.2": "its program did not exit with 0 but with 12",
}


@pytest.mark.parametrize(
    ("choice", "jobs"),
    [
        (Choice(reason="was not ingested"), {"b.1", "b.2"}),
        (Choice(reason="task t: output … was not ingested: refused"), {"b.1", "b.2"}),
        (Choice(reason="did not exit with 0 but with 1"), {"c.1", "c.2"}),
        (Choice(same_reason="its program did not exit with 0 but with 1"), {"c.1"}),
        (Choice(same_reason="task t: output … was not ingested: refused"), {"b.1", "b.2"}),
        (Choice(same_reason="task t: output … was not ingested: refused", batch="other"), set()),
        (Choice(same_reason=REASONS["b.1"]), {"b.1"}),  # as a history of an earlier version tells it
        (Choice(same_reason="was not ingested"), set()),
    ],
)
def test_a_part_of_the_reason_means_all_that_have_it_and_a_whole_one_those_alone(
    choice: Choice, jobs: set[str]
) -> None:
    sent = messages.properties_of("", batch="b")
    dead = {job: messages.republished(sent, job=job, reason=reason) for job, reason in REASONS.items()}
    assert {job for job, properties in dead.items() if choice.fits(job, properties)} == jobs
