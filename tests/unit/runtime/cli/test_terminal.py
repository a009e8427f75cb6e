"""Whatever the encoding of the terminal is, a command shows what it has to show."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.runtime.cli.service import answering

ROOT = Path(__file__).parents[4]
SECONDS = 60
# An umlaut, a letter that Latin-1 lacks, half of a surrogate pair.
LOG = "Größe falsch: Δ \ud800"
ASCII = {"PYTHONIOENCODING": "ascii"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1"}
UTF_8 = {"PYTHONIOENCODING": "utf-8"}
C_LOCALE = {"LC_ALL": "C"}
# Python takes UTF-8 in a C locale unless it is told otherwise.
PLAIN_C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
JOB = {
    "job": "b.1",
    "event": "test-workflow",
    "batch": "b",
    "state": "SUCCEEDED",
    "queued": 0.0,
    "reason": None,
    "log": LOG,
    "runs": [{"run": 1, "state": "SUCCEEDED", "node": "n", "started": 0.0, "ended": 1.0, "reason": None}],
    "products": [],
}


@pytest.fixture(scope="module")
def service() -> Iterator[dict[str, str]]:
    with answering(JOB) as environment:
        yield environment


def run(environment: dict[str, str], *arguments: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("terminal", "encoding", "shown"),
    [
        (ASCII, "ascii", r"Gr\xf6\xdfe falsch: \u0394 \ud800"),
        (LATIN_1, "latin-1", r"Größe falsch: \u0394 \ud800"),
        (UTF_8, "utf-8", r"Größe falsch: Δ \ud800"),
        (C_LOCALE, "utf-8", r"Größe falsch: Δ \ud800"),
        (PLAIN_C_LOCALE, "ascii", r"Gr\xf6\xdfe falsch: \u0394 \ud800"),
    ],
)
def test_what_the_terminal_cannot_show_is_written_as_an_escape(
    service: dict[str, str], terminal: dict[str, str], encoding: str, shown: str
) -> None:
    code, stdout, stderr = run({**service, **terminal}, "status", "--job", "b.1", "--event", "test-workflow")
    assert (code, stderr) == (0, b"")
    assert shown in stdout.decode(encoding)


@pytest.mark.parametrize("terminal", [ASCII, LATIN_1, PLAIN_C_LOCALE])
def test_tables_have_lines_that_the_terminal_can_show(
    service: dict[str, str], terminal: dict[str, str]
) -> None:
    _, stdout, _ = run({**service, **terminal}, "status", "--job", "b.1", "--event", "test-workflow")
    text = stdout.decode("latin-1")
    assert "| run | state" in text
    assert r"\u25" not in text  # an escaped line of a box


@pytest.mark.parametrize("terminal", [ASCII, UTF_8])
def test_json_is_ascii_in_any_encoding(service: dict[str, str], terminal: dict[str, str]) -> None:
    arguments = ("status", "--job", "b.1", "--event", "test-workflow", "--json")
    code, stdout, _ = run({**service, **terminal}, *arguments)
    assert code == 0
    assert json.loads(stdout.decode("ascii"))["log"] == LOG


@pytest.mark.parametrize("terminal", [ASCII, PLAIN_C_LOCALE])
def test_a_complaint_is_shown_in_any_encoding(terminal: dict[str, str]) -> None:
    broker = {"RABBITMQ_USER_URL": "amqp://user:secret@127.0.0.1:9/%2F"}
    arguments = ("submit", "--event", "test-workflow", "--batch", "/nowhere/Größe.csv")
    code, _, stderr = run({**broker, **terminal}, *arguments)
    assert code == 2
    assert b"cannot be read" in stderr
    assert b"Traceback" not in stderr
