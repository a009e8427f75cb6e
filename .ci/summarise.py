"""The closing line of a test run, from pytest's JUnit file: `tests: 120 passed, 0 failed, 2 skipped`."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def summary(junit: str) -> str:
    suites = ElementTree.fromstring(junit).iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.attrib["tests"])
        failed += int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        skipped += int(suite.attrib["skipped"])
    return f"tests: {total - failed - skipped} passed, {failed} failed, {skipped} skipped"


if __name__ == "__main__":
    print(summary(Path(sys.argv[1]).read_text()))
