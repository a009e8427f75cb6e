"""What the benchmark makes of its figures."""

from collections.abc import Callable
from itertools import accumulate

from pytest import approx

from bench.batch import idle_share
from bench.flow import rate, trend
from bench.measurement import Measurement, table
from bench.views import Taken, figures
from runtime.messaging.announcements import StateChange


def ended(started: float, ended: float) -> StateChange:
    return StateChange(
        job="job",
        event="test-workflow",
        state="SUCCEEDED",
        attempts=1,
        node="node1",
        started=started,
        ended=ended,
    )


def test_slots_are_idle_between_two_jobs_only_while_jobs_are_queued() -> None:
    jobs = [ended(0, 4), ended(0, 5), ended(5, 9), ended(6, 20)]
    # Of 2 slots x 6 s, one waits from 4 to 5 and the other from 5 to 6.
    assert round(idle_share(jobs, slots=2) * 12) == 2


def test_jobs_that_end_one_a_second_are_one_job_a_second() -> None:
    assert rate([ended(0, second) for second in (3, 1, 2, 4)]) == 1


def test_a_rate_that_falls_is_told_by_all_jobs_between() -> None:
    def jobs(seconds_of: Callable[[int], float]) -> list[StateChange]:
        return [ended(0, second) for second in accumulate(seconds_of(number) for number in range(1000))]

    assert trend(jobs(lambda _: 0.1), 100, 1000) == approx(1)
    assert trend(jobs(lambda number: 1 / (10 - number / 200)), 100, 1000) == approx(5 / 9.5, rel=0.02)


def test_the_median_decides_whether_a_figure_is_reached() -> None:
    at_most = Measurement(name="wait", unit="s", values=(1, 2, 30), limit=2)
    assert at_most.reached
    assert (
        Measurement(name="rate", unit="jobs/s", values=(1, 2, 3), limit=2.5, direction="at least").reached
        is False
    )
    assert table([at_most.as_json()]).splitlines()[-1] == "| wait | 2 s | 1 to 30 | 3 | at most 2 | yes |"


def test_a_view_is_judged_by_its_slow_answers_and_its_processor_time_is_told() -> None:
    fast = [Taken(whole=10, cpu=4) for _ in range(19)]
    rounds = [{"jobs": [*fast, Taken(whole=1000, cpu=5)]}, {"jobs": [*fast, Taken(whole=10, cpu=4)]}]
    [figure] = figures(rounds, "1,000,000 jobs: ")
    assert figure.values == (59.5, 10)
    assert figure.note == "median 10, 99th 614, of a processor 4.0"
    assert figure.name == "1,000,000 jobs: jobs, 95th percentile"
