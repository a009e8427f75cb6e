"""The lanes in which the tests run: each names tests that exist, and no test is in two of them."""

from collections import Counter
from pathlib import Path

import pytest

from toolchain.paths import REPOSITORY
from toolchain.run_tests import LANES


def named(pattern: str) -> list[Path]:
    """The test files that a pattern of a lane names."""
    found = list(REPOSITORY.glob(pattern))
    return [file for path in found for file in ([path] if path.is_file() else path.rglob("test_*.py"))]


@pytest.mark.parametrize("pattern", [pattern for patterns in LANES.values() for pattern in patterns])
def test_a_pattern_of_a_lane_names_tests(pattern: str) -> None:
    assert named(pattern)


def test_no_test_is_in_two_lanes() -> None:
    lanes = Counter(file for patterns in LANES.values() for each in patterns for file in named(each))
    assert set(lanes.values()) == {1}
