"""What the table of versions makes of the tests' results."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from docs.make import versions
from docs.make.versions import Result, merged, results

JUNIT = """
<testsuites><testsuite timestamp="2026-11-29T20:00:00.1+00:00"><properties>
<property name="python" value="3.11.2"/><property name="rabbitmq" value="4.0.5"/></properties>
<testcase classname="tests.unit.infra.test_ssh"/>
<testcase classname="tests.unit.infra.test_ssh"><skipped/></testcase>
<testcase classname="tests.integration.test_outages"/>
<testcase classname="tests.integration.test_outages"><failure/></testcase>
<testcase classname="tests.integration.test_foreign"><properties>
<property name="rabbitmq" value="3.10.8"/><property name="rabbitmq" value="4.3.6"/></properties></testcase>
<testcase classname="tests.unitary.test_else"/>
</testsuite></testsuites>
"""


def result(version: str, date: str = "2026-11-29", **changes: int) -> Result:
    counts = {"passed": 1, "failed": 0, "skipped": 0} | changes
    return Result(what="python", version=version, tests="tests/unit", date=date, **counts)


def test_each_version_has_the_results_of_the_tests_that_tell_of_it() -> None:
    found = {each[:3]: each[4:] for each in results(ElementTree.fromstring(JUNIT))}
    assert found == {
        ("python", "3.11.2", "tests/unit"): (1, 0, 1),
        ("python", "3.11.2", "tests/integration"): (2, 1, 0),
        ("rabbitmq", "4.0.5", "tests/integration"): (1, 1, 0),
        ("rabbitmq", "3.10.8", "tests/integration"): (1, 0, 0),
        ("rabbitmq", "4.3.6", "tests/integration"): (1, 0, 0),
    }


def test_the_last_run_counts_and_of_one_day_the_larger_one() -> None:
    old, new = result("3.11.2", "2026-11-28", passed=9), result("3.11.2")
    assert merged([old], [new]) == [new]
    assert merged([new], [old]) == [new]
    small = result("3.11.2", passed=0, failed=1)
    assert merged([result("3.11.2", passed=5)], [small]) == [result("3.11.2", passed=5)]


def test_a_run_that_failed_replaces_an_equal_one_that_passed() -> None:
    assert merged([result("3.11.2")], [result("3.11.2", passed=0, failed=1)])[0].failed == 1


def test_versions_are_in_the_order_of_their_numbers() -> None:
    found = merged([result("3.11.2")], [result("forky/sid"), result("3.9.18")])
    assert [each.version for each in found] == ["3.9.18", "3.11.2", "forky/sid"]


def test_the_table_shows_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "noted", lambda: [result("3.13.0", failed=2)])
    row = versions.parts()["versions"].splitlines()[-1]
    assert row == "| Python, the operator's side | 3.13.0 | `tests/unit` | 1 | 2 | 0 | 2026-11-29 |"
