"""What is announced is read back as it was, and anything else is refused."""

import json
from typing import Any

import pytest

from runtime.messaging.announcements import (
    Action,
    Announcement,
    Redrive,
    StateChange,
    Submission,
    Touched,
    decode,
    encode,
    routing_key,
)
from runtime.outcome import Outcome, Product

PRODUCT = Product(id="1", name="p", type="T", archived=("/archive/p",))
DEAD = Outcome(result="failed", reason="exit 1", log="no such file", products=(PRODUCT,))
ABOUT: dict[str, Any] = {"job": "b.1", "event": "e", "attempts": 1, "node": "n"}


@pytest.mark.parametrize(
    ("announcement", "key"),
    [
        (StateChange(**ABOUT, state="DEAD", outcome=DEAD, redrive="one"), "e.DEAD"),
        (StateChange(**ABOUT, state="RUNNING", batch="b", started=1.0), "e.RUNNING"),
        (Submission(batch="b", event="e", jobs=3), "e.SUBMITTED"),
        (Redrive(job="b.1", event="e", redrive="one"), "e.REDRIVEN"),
        (
            Action(
                id="1",
                at=5.0,
                action="edit",
                event="e",
                who="ann@laptop",
                what="1 job of 1 batch queued again with A=2",
                jobs=(Touched(job="b.1", batch="b", before={"A": "1", "B": None}),),
            ),
            "e.ACTED",
        ),
    ],
)
def test_an_announcement_is_read_back_as_it_was(announcement: Announcement, key: str) -> None:
    assert decode(encode(announcement)) == announcement
    assert routing_key(announcement) == key


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDED"])
@pytest.mark.parametrize("products", [5, [5], [{"id": "1"}], {"id": "1"}])
def test_what_no_worker_announces_is_refused(state: str, products: object) -> None:
    with pytest.raises(ValueError, match="not an announcement of this cluster"):
        decode(json.dumps({**ABOUT, "state": state, "products": products}).encode())
