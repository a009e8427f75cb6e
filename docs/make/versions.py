"""The table of the versions that tests ran with, made of the tests' results.

python -m docs.make.versions test-results/*.xml notes what the JUnit files of pytest say, in
docs/versions.json. `make docs` makes the table of that.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from docs.make.tables import table

NOTES = Path(__file__).parents[1] / "versions.json"
# Properties of a test run, what they are the version of, and the tests that tell something of it.
KINDS = {
    "python": (
        "Python, the operator's side",
        ("tests/unit", "tests/simulation", "tests/integration", "tests/e2e"),
    ),
    "node-python": ("Python, scripts on nodes", ("tests/unit/hosts",)),
    "docker": (
        "docker that hosts the tests' containers",
        ("tests/contract", "tests/integration", "tests/e2e"),
    ),
    "node-docker": ("docker in nodes", ("tests/contract", "tests/e2e")),
    "debian": ("Debian on hosts", ("tests/e2e",)),
    "rabbitmq": ("RabbitMQ", ("tests/integration", "tests/e2e")),
    "processor": ("processor that the containers run on", ("tests/integration",)),
}


class Result(NamedTuple):
    """What the tests of a folder came to with one version of something."""

    what: str
    version: str
    tests: str
    date: str
    passed: int
    failed: int
    skipped: int


def results(junit: ElementTree.Element) -> Iterator[Result]:
    """The results in one of pytest's JUnit files, for each version that it names."""
    for suite in junit.iter("testsuite"):
        date = suite.attrib["timestamp"][:10]
        for what, (_, folders) in KINDS.items():
            for folder in folders:
                for version, count in _counts(suite, what, folder).items():
                    yield Result(
                        *(what, version, folder, date),
                        *(count[outcome] for outcome in ("passed", "failed", "skipped")),
                    )


def _counts(suite: ElementTree.Element, what: str, folder: str) -> dict[str, Counter[str]]:
    """For each version how many of the folder's tests passed, failed and were skipped.

    A test that names versions itself tells of these and not of the version that the others ran with.
    """
    of_all = _versions(suite, what)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for case in suite.iter("testcase"):
        if _is_in(case, folder):
            for version in _versions(case, what) or of_all:
                counts[version][_outcome(case)] += 1
    return counts


def _versions(element: ElementTree.Element, what: str) -> set[str]:
    properties = element.findall("properties/property")
    return {each.attrib["value"] for each in properties if each.attrib["name"] == what}


def _is_in(case: ElementTree.Element, folder: str) -> bool:
    return f"{case.attrib['classname']}.".startswith(f"{folder.replace('/', '.')}.")


def _outcome(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def merged(noted: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """The last result of each kind of tests with each version; of one day the one with more tests counts."""
    last: dict[tuple[str, str, str], Result] = {}
    for result in (*noted, *new):
        key = result[:3]
        if key not in last or _weight(result) >= _weight(last[key]):
            last[key] = result
    return sorted(last.values(), key=lambda each: (list(KINDS).index(each.what), *_numbers(each), each.tests))


def _weight(result: Result) -> tuple[str, int]:
    return result.date, result.passed + result.failed


def _numbers(result: Result) -> tuple[list[int], str]:
    """Versions without a number, as of a Debian that is not released, come last."""
    head = result.version.partition("+")[0].partition("~")[0]
    return [int(part) for part in head.split(".") if part.isdecimal()] or [sys.maxsize], result.version


def noted() -> list[Result]:
    entries: list[dict[str, Any]] = json.loads(NOTES.read_text()) if NOTES.exists() else []
    return [Result(**entry) for entry in entries]


def parts() -> dict[str, str]:
    head = ("what", "version", "tests", "passed", "failed", "skipped", "last run")
    rows = [
        (KINDS[each.what][0], each.version, f"`{each.tests}`", *map(str, each[4:]), each.date)
        for each in noted()
    ]
    return {"versions": table(head, rows)}


def main(files: Sequence[str]) -> None:
    new = [result for file in files for result in results(ElementTree.parse(file).getroot())]
    lines = [json.dumps(result._asdict()) for result in merged(noted(), new)]
    NOTES.write_text("[\n " + ",\n ".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1:])
