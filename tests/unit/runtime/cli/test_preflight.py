"""How `oodt preflight` shows what the Pulumi program says of the account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime import preflight
from runtime.cli import program
from runtime.cli.results import DONE, SOME_FAILED

LINE = "aws ec2 delete-volume --volume-id vol-1 --region us-west-2"


@pytest.mark.parametrize(
    ("left", "code", "shown"),
    [
        ([], DONE, "left of the stack: nothing\n"),
        (
            [{"kind": "volume", "id": "vol-1", "line": LINE}],
            SOME_FAILED,
            f"volume vol-1\n  {LINE}\nleft of the stack: 1\n",
        ),
    ],
)
def test_what_is_left_is_shown_with_the_line_that_removes_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left: list[dict[str, Any]],
    code: int,
    shown: str,
) -> None:
    monkeypatch.setattr(program, "ask", lambda *_: {"leftovers": left})
    assert preflight.COMMAND.main(["aws", "--leftovers"]) == code
    assert capsys.readouterr().out == shown
    assert preflight.COMMAND.main(["aws", "--leftovers", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["leftovers"] == left
