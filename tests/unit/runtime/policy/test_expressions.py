"""Regular expressions in Java's syntax. What Java says of each was tried with Java 21."""

from __future__ import annotations

import pytest

from runtime.policy.expressions import problem

JAVA_TAKES = r"""
.*\.nc|[a{b]|a{2,}|[]a]|[^]a]|[a[b]]|a]|\p{Alpha}+|\pL|\Q[\E|\Q[|(?<run>\d+)_\k<run>|x\{y|\z|a*+|(?>a)
[a-z&&[^b]]|(?i)abc|abc(?i)|^*|()|}|\x{41}|\N{DIGIT ONE}|\1|[\w-.]|$*
"""
JAVA_REFUSES = r"""
*.nc|a**|a{Run}.dat|a{,2}|a{2,1}|[[]|[a|(a|a)|(?P<run>a)|a\|[z-a]|a{|+a|?a|(*)
"""


@pytest.mark.parametrize(
    "expression", [each for line in JAVA_TAKES.split("\n") for each in line.split("|") if each]
)
def test_what_java_takes_is_not_refused(expression: str) -> None:
    assert problem(expression) == ("", False) or not problem(expression)[1]


@pytest.mark.parametrize(
    "expression", [each for line in JAVA_REFUSES.split("\n") for each in line.split("|") if each]
)
def test_what_java_refuses_is_told_as_certain(expression: str) -> None:
    reason, certain = problem(expression)
    assert reason
    assert certain
