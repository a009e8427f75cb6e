"""The operator's commands as their parsers describe them."""

import argparse

from docs.make.tables import table
from runtime.cli.commands import parsers
from runtime.cli.results import CODES


def parts() -> dict[str, str]:
    """For each command: what it does, its options, its examples."""
    return {name: _described(parser) for name, parser in parsers().items()}


def _described(parser: argparse.ArgumentParser) -> str:
    examples = (parser.epilog or "").removesuffix(CODES).partition("\n")[2].rstrip()
    lines = "\n".join(line.strip() for line in examples.splitlines())
    options = table(
        ["option", "meaning"],
        [_row(action) for action in parser._actions if not isinstance(action, argparse._HelpAction)],
    )
    choices = "".join(f"{_choice(group)}\n\n" for group in parser._mutually_exclusive_groups)
    return f"{parser.description}\n\n```sh\n{lines}\n```\n\n{options}\n\n{choices}".rstrip()


def _row(action: argparse.Action) -> list[str]:
    needed = " (needed)" if action.required and action.option_strings else ""
    return [f"`{_written(action)}`", f"{action.help or ''}{needed}"]


def _written(action: argparse.Action) -> str:
    """An option or an argument as it is typed."""
    values = "|".join(action.choices) if action.choices else action.metavar or action.dest.upper()
    if not action.option_strings:
        return f"[{values} ...]" if action.nargs == "*" else str(values)
    option = action.option_strings[-1]
    return option if action.nargs == 0 else f"{option} {values}"


def _choice(group: argparse._MutuallyExclusiveGroup) -> str:
    options = " and ".join(f"`{action.option_strings[-1]}`" for action in group._group_actions)
    return f"Give {'exactly' if group.required else 'at most'} one of {options}."
