"""Which events are paused, as every node sees it."""

import time
from pathlib import Path

from runtime.records.pauses import Pauses


def test_an_event_is_paused_until_it_is_resumed(tmp_path: Path) -> None:
    pauses, elsewhere = Pauses(tmp_path), Pauses(tmp_path)
    assert pauses.names() == set()
    assert pauses.pause("one", who="ann") and pauses.pause("two", who="bob")
    assert elsewhere.names() == {"one", "two"}
    assert elsewhere.resume("one")
    assert pauses.names() == {"two"}
    assert not elsewhere.resume("one")


def test_it_is_on_record_who_paused_an_event_first(tmp_path: Path) -> None:
    pauses = Pauses(tmp_path)
    assert pauses.pause("one", who="ann")
    assert not pauses.pause("one", who="bob")
    (entry,) = pauses.all().values()
    assert entry["who"] == "ann"
    assert abs(time.time() - entry["at"]) < 60


def test_a_pause_that_breaks_off_leaves_no_event_paused(tmp_path: Path) -> None:
    (tmp_path / ".paused").mkdir()
    (tmp_path / ".paused" / ".0123").write_text("{}")  # a draft
    assert Pauses(tmp_path).names() == set()
