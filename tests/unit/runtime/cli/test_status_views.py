"""What `oodt status` shows of what the service tells."""

import io
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
