"""The generated parts of pages: put in their places, and complete."""

from __future__ import annotations

import argparse

import pytest

from docs.make import commands, settings
from docs.make.__main__ import PageError, renewed
from infra.settings import KEYS
from runtime.cli.commands import parsers

PAGE = "# Title\n\n<!-- generated: one -->\nold\n<!-- end -->\n\nby hand\n"


def test_a_part_takes_the_place_of_the_old_one_and_what_is_around_it_stays() -> None:
    assert renewed(PAGE, {"one": "new\nlines"}) == PAGE.replace("old", "new\nlines")


def test_a_page_that_is_up_to_date_stays_as_it_is() -> None:
    assert renewed(PAGE, {"one": "old"}) == PAGE


@pytest.mark.parametrize("parts", [{}, {"two": "x"}, {"one": "x", "two": "x"}])
def test_places_without_a_part_and_parts_without_a_place_are_refused(parts: dict[str, str]) -> None:
    with pytest.raises(PageError, match="one"):
        renewed(PAGE, parts or {"other": "x"})


def test_each_key_has_one_row_with_an_example_that_the_checks_accept() -> None:
    text = "\n".join(settings.parts().values())
    assert [key for key in KEYS if text.count(f"| `{key}` |") != 1] == []
    assert set(settings.EXAMPLES) == set(KEYS)


def test_the_range_of_a_key_is_that_of_its_check() -> None:
    assert settings.allowed()["wm_replicas"] == "1 to 500"
    assert settings.allowed()["target"] == "`local`, `aws`, `hosts`"
    assert settings.allowed()["subnet"] == "an IPv4 network, /16 to /26"


@pytest.mark.parametrize("command", parsers())
def test_each_option_of_a_command_is_in_its_part(command: str) -> None:
    parser = parsers()[command]
    options = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    names = {name for action in options for name in action.option_strings}
    assert names >= {"--json", "--timeout"}
    assert [name for name in names if f"| `{name}" not in commands.parts()[command]] == []
