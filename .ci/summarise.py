"""The closing line of a test run, from pytest's JUnit files: `tests: 120 passed, 0 failed, 2 skipped`."""

import sys
from collections.abc import Sequence
from xml.etree import ElementTree


def summary(junit_files: Sequence[str]) -> str:
    total = failed = skipped = 0
    for path in junit_files:
        for suite in ElementTree.parse(path).iter("testsuite"):
            total += int(suite.attrib["tests"])
            failed += int(suite.attrib["failures"]) + int(suite.attrib["errors"])
            skipped += int(suite.attrib["skipped"])
    return f"tests: {total - failed - skipped} passed, {failed} failed, {skipped} skipped"


if __name__ == "__main__":
    print(summary(sys.argv[1:]))
