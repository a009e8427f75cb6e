"""What `oodt status` shows of what the service tells."""

import io
import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from runtime.cli import status_views

BATCH: dict[str, Any] = {
    **{"batch": "b", "event": "e", "jobs": 500, "ended": 300, "waiting": 200, "queued": 0},
    **{"states": {"SUCCEEDED": 299, "DEAD": 1}, "note": "interrupted: 300 of 500 were submitted"},
}
OVERVIEW: dict[str, Any] = {"queues": [], "nodes": [], "reasons": [], "broker": {"problem": None}}


def shown(table: RenderableType) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(table)
    return text.getvalue()


def alarm(name: str, summary: str) -> dict[str, Any]:
    return {"name": name, "summary": summary, "description": "Make room.", "began": 0.0}


def test_the_overview_begins_with_what_is_wrong_and_what_to_do() -> None:
    wrong = [alarm("OodtDiskFull", "The disk of the share has 0% left")]
    first, *_ = shown(status_views.overview({**OVERVIEW, "batches": [BATCH], "alarms": wrong})).splitlines()
    assert re.fullmatch(r"The disk of the share has 0% left since [\d-]+ [\d:]+\. Make room\.", first)


@pytest.mark.parametrize("told", [True, False])
def test_that_jobs_died_is_told_once_by_their_reasons_or_the_alarm(*, told: bool) -> None:
    reasons = [{"jobs": 3, "event": "e", "reason": "no input", "example": "b.1"}] if told else []
    wrong = [alarm("OodtJobsDie", "Jobs of e died")]
    text = shown(status_views.overview({**OVERVIEW, "batches": [], "reasons": reasons, "alarms": wrong}))
    assert ("no input" in text, "Jobs of e died" in text) == (told, not told)


@pytest.mark.parametrize(
    "table",
    [
        status_views.overview({**OVERVIEW, "batches": [BATCH]}),
        status_views.batch({**BATCH, "reasons": [], "newest": []}),
    ],
)
def test_a_batch_is_shown_with_the_numbers_and_words_of_the_service(table: RenderableType) -> None:
    [row] = [line for line in shown(table).splitlines() if "interrupted" in line]
    *numbers, note = (cell.strip(" │") for cell in row.split("│") if cell.strip(" │"))
    assert (numbers[-5:], note) == (["500", "299", "1", "0", "0"], BATCH["note"])
