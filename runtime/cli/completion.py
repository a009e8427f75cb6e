"""Scripts by which bash and zsh complete the words of the command line, made of the parsers."""

import argparse
from collections.abc import Iterator

from runtime.cli.commands import PROGRAM, program_parser
from runtime.cli.results import BadInput


def script(shell: str) -> str:
    """The script for this shell; raises BadInput."""
    try:
        import shtab  # noqa: PLC0415 - nothing else needs it, and it is not in the cluster's images
    except ImportError:
        raise BadInput(
            "completion needs the package shtab, which is not installed: "
            "pip install 'oodt-runtime[completion]'"
        ) from None
    parser = program_parser(PROGRAM, with_options=True)
    for action in _actions(parser):
        if action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell=shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        yield action
