"""Durations as Go writes them, and the values that docker leaves out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies

from toolchain.docker_provider.convert import DURATION, duration, filled, nanoseconds

SECOND = 10**9


@pytest.mark.parametrize(
    ("length", "short", "long"),
    [
        (0, "0s", "0s"),
        (1, "1ns", "1ns"),
        (1_500, "1.5µs", "1.5µs"),
        (250 * 10**6, "250ms", "250ms"),
        (1_500 * 10**6, "1.5s", "1.5s"),
        (59 * SECOND, "59s", "59s"),
        (60 * SECOND, "1m", "1m0s"),
        (90 * SECOND, "1m30s", "1m30s"),
        (600 * SECOND, "10m", "10m0s"),
        (3600 * SECOND, "1h", "1h0m0s"),
        (3630 * SECOND, "1h0m30s", "1h0m30s"),
        (5400 * SECOND, "1h30m", "1h30m0s"),
    ],
)
def test_a_duration_is_written_as_in_go(length: int, short: str, long: str) -> None:
    assert duration(length) == short
    assert duration(length, short=False) == long


@given(strategies.integers(min_value=0, max_value=10**15), strategies.booleans())
def test_a_written_duration_is_allowed_and_has_the_same_length(length: int, short: bool) -> None:
    written = duration(length, short=short)
    assert re.search(DURATION, written)
    assert nanoseconds(written) == length


def test_no_duration_is_zero() -> None:
    assert nanoseconds(None) == nanoseconds("") == 0


@pytest.mark.parametrize("text", ["soon", "10", "-1s", "1s ", ""])
def test_what_is_no_duration_is_not_allowed(text: str) -> None:
    assert not re.search(DURATION, text)


def test_zero_and_false_are_no_empty_values() -> None:
    assert filled({"a": 0, "b": False, "c": "", "d": [], "e": {}, "f": None}) == {"a": 0, "b": False}
