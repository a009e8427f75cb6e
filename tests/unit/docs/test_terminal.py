"""What the picture of a terminal shows of a log."""

from __future__ import annotations

from xml.etree import ElementTree

from docs.make.terminal import COLUMNS, DOTS, picture, shortened


def test_many_lines_of_one_kind_are_shortened_and_few_are_not() -> None:
    many = [f"/archive/{number}" for number in range(9)]
    assert list(shortened(many)) == [many[0], DOTS, *many[-2:]]
    assert list(shortened(many[:3])) == many[:3]


def test_preview_outputs_and_signs_of_life_are_left_out() -> None:
    preview = ["Previewing update (dev):", "Resources:", "    + 4 to create"]
    update = ["Updating (dev):", "@ updating...", "Outputs:", '    ssh: "ssh -i KEY"', ""]
    end = ["Resources:", "    + 4 created"]
    assert list(shortened(["start", *preview, *update, *end])) == ["start", "Updating (dev):", *end]


def test_the_picture_is_well_formed_and_no_line_is_wider_than_it() -> None:
    texts = [
        text.text or ""
        for text in ElementTree.fromstring(picture(["a < b & c", "x" * 500])).iter()
        if text.text
    ]
    assert "a < b & c" in texts
    assert max(map(len, (text for text in texts if text.startswith("x")))) == COLUMNS
