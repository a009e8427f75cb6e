"""The command `oodt check`: what it prints, and its exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runtime.check import COMMAND
from runtime.policy.places import VARIABLES
from tests.unit.runtime.policy.flow import Flow
from toolchain.paths import REPOSITORY


def test_a_workflow_that_is_right_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.main([str(Flow(tmp_path).folder)]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"


def test_warnings_end_with_0_and_errors_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = Flow(tmp_path)
    flow.change("pge-configs/task.xml", "[Input]", "[Inptu]")
    assert COMMAND.main([str(flow.folder)]) == 0
    assert capsys.readouterr().out.endswith("fix: did you mean [Input]?\n0 errors, 1 warning\n")
    flow.change("policy/events.xml", 'id="w"', 'id="v"')
    assert COMMAND.main([str(flow.folder)]) == 2
    assert capsys.readouterr().out.endswith("1 error, 1 warning\n")


def test_the_findings_are_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = Flow(tmp_path)
    flow.change("policy/events.xml", 'id="w"', 'id="v"')
    assert COMMAND.main([str(flow.folder), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert (answer["errors"], answer["warnings"]) == (1, 0)
    assert answer["findings"] == [
        {
            "severity": "error",
            "file": f"{flow.folder}/policy/events.xml",
            "line": 2,
            "problem": "workflow v is defined nowhere in *.workflow.xml: the event is refused",
            "fix": "define it, or name one that *.workflow.xml defines: w",
        }
    ]


def test_metadata_and_variables_are_given_as_options(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change("policy/tasks.xml", "[OODT_CONFIG]/flow", "[MINE]")
    mine = ["--environment", "MINE=/usr/local/oodt/workflows/flow"]
    assert COMMAND.main([str(flow.folder)]) == 2
    assert COMMAND.main([str(flow.folder), *mine]) == 0
    assert COMMAND.main([str(flow.folder), *mine, "--metadata", "Station=a"]) == 2
    assert COMMAND.main([str(flow.folder), *mine, "--metadata", "Input=a", "--event", "flow"]) == 0


@pytest.mark.parametrize(
    "arguments", [["/nowhere"], [".", "--metadata", "Input"], [".", "--environment", "=1"]]
)
def test_what_cannot_be_checked_is_bad_input(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert COMMAND.main(arguments) == 2
    assert capsys.readouterr().err.startswith(("DIR is '/nowhere'", "--metadata is", "--environment is"))


def test_the_check_knows_the_variables_of_the_image() -> None:
    *_, last = (REPOSITORY / "images" / "oodt" / "Dockerfile").read_text().split("\nFROM system\n")
    declared = re.search(r"^ENV ((?:.*\\\n)*.*)", last, re.MULTILINE)
    assert declared
    pairs = dict(re.findall(r"(\w+)=(\S+)", declared[1]))
    assert set(pairs) <= set(VARIABLES)
    assert {name: value for name, value in VARIABLES.items() if value is not None} == {
        name: pairs[name] for name, value in VARIABLES.items() if value is not None
    }
