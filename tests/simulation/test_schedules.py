"""The cluster under faults at every step. SIMULATION_SEED=N repeats one schedule."""

import os
import re
import secrets

import pytest

from tests.simulation.schedules import Schedule

SHORT = 150
LONG = 5_000
SEEDS = 10**6
# Names that differ each time: of the world's folder, and of files that one process numbers.
CHANGING = re.compile("simulation-[^/]+|probe-[0-9]+")


def live_through(first: int, number: int) -> None:
    given = os.environ.get("SIMULATION_SEED")
    first, number = (int(given), 1) if given else (first, number)
    print(f"simulation: {number} schedules from SIMULATION_SEED={first}", flush=True)
    for seed in range(first, first + number):
        schedule = Schedule(seed)
        try:
            schedule.run()
        except Exception as error:
            raise AssertionError(f"{schedule.world.told()}\nSIMULATION_SEED={seed}: {error!r}") from error


def test_each_job_has_one_verdict_and_its_products_whatever_fails_at_any_step() -> None:
    live_through(0, SHORT)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_each_job_has_one_verdict_and_its_products_in_thousands_of_schedules() -> None:
    live_through(secrets.randbelow(SEEDS), LONG)


def test_a_seed_tells_the_same_story_again() -> None:
    seed = secrets.randbelow(SEEDS)
    first, second = (CHANGING.sub("", Schedule(seed).run().told()) for _ in range(2))
    assert first == second, f"SIMULATION_SEED={seed}"
