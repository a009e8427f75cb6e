"""What of a log leaves its container."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.messaging.excerpt import excerpt


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\ntwo\n", "one\ntwo"),
        ("amqp://user:pass@broker:5672/ refused", "amqp://...@broker:5672/ refused"),
        ("http://:pass@host and http://host/a@b", "http://...@host and http://host/a@b"),
        ("\x1b[31mred\x1b[0m\x00 \x9b", "red"),
        ("\x1b]0;a title\x07text \x1b(Bend", "text end"),
        ("text\x1b[2K\rend", "end"),
        ("10 %\r50 %\r100 %\nno such file\r\n", "100 %\nno such file"),
        ("a long line\rshort", "shortg line"),
        ("\ud800", ""),
    ],
)
def test_it_is_readable_and_has_no_passwords(text: str, kept: str) -> None:
    assert excerpt(text) == kept


def test_the_beginning_is_left_out_line_by_line() -> None:
    assert excerpt("a" * 20 + "\nbb\ncc", 10) == "bb\ncc"
    assert excerpt("a" * 20, 10) == "a" * 10


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_it_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(excerpt(text, limit).encode()) <= limit
