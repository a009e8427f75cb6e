"""What a terminal ends up showing: compared with pyte, a whole terminal, which is too slow for every log."""

from itertools import pairwise

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.messaging.screen import LONGEST_LINE, Screen, shown

ROWS, COLUMNS = 40, 1000

CONTROLS = ("\r", "\n", "\b", "\x07", "\x1b[1A", "\x1b[3A", "\x1b[2F", "\x1b[4C", "\x1b[2D", "\x1b[7G")
ERASURES = ("\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[J")
DECORATIONS = ("\x1b[31;1m", "\x1b[0m", "\x1b]0;a title\x07", "\x1b(B", "\x1b[?25l")
OUTPUTS = st.lists(
    st.sampled_from((*CONTROLS, *ERASURES, *DECORATIONS))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12),
    max_size=ROWS - 1,
).map("".join)


def of_pyte(output: str) -> list[str]:
    screen = pyte.Screen(COLUMNS, ROWS)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(output)
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


@given(OUTPUTS)
def test_it_shows_what_a_terminal_shows(output: str) -> None:
    assert shown(output).rstrip().split("\n") == (of_pyte(output) or [""])


@given(OUTPUTS, st.lists(st.integers(min_value=0, max_value=200), max_size=5))
def test_it_does_not_matter_in_which_parts_output_comes(output: str, cuts: list[int]) -> None:
    screen = Screen()
    lines: list[str] = []
    places = [0, *sorted(cuts), max([len(output), *cuts])]
    for start, end in pairwise(places):
        lines += screen.feed(output[start:end])
    assert "\n".join([*lines, *screen.close()]) == shown(output)


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"])))
def test_text_without_controls_stays_as_it_is(text: str) -> None:
    assert shown(text) == text.rstrip()


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        ("the cause\n" + "".join(f"\r{n} %" for n in range(100)), "the cause\n99 %"),
        ("one\ntwo\n\x1b[2Aone is done\x1b[K\n\x1b[Btail", "one is done\ntwo\ntail"),
        ("12%\b\b\b13%\b\b\b14%", "14%"),
        ("a\tb\r\nc", "a\tb\nc"),
        ("\x1b[999999999999Ax\x1b[99999999999By\x1b[888888888Cz", f"xy{' ' * 998}z"),
        ("end\x1b]0;a title without an end", "end"),
    ],
)
def test_what_was_drawn_over_is_gone(output: str, lines: str) -> None:
    assert shown(output) == lines


def test_lines_that_cannot_change_any_more_come_at_once_and_memory_stays_small() -> None:
    screen = Screen(rows=2)
    assert list(screen.feed("one\ntwo\nthree\nfo")) == ["one", "two"]
    assert list(screen.close()) == ["three", "fo"]
    endless = Screen(rows=2)
    lines = [line for _ in range(100) for line in endless.feed("x" * 10_000)]
    assert {len(line) for line in lines} == {LONGEST_LINE}
