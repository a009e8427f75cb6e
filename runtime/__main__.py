"""The program ``oodt``, which is ``python -m runtime`` too: the operator's commands under one name."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from runtime.cli import completion
from runtime.cli.command import complain, exit_with
from runtime.cli.commands import COMMANDS, PROGRAM, load, program_parser
from runtime.cli.results import BAD_INPUT, DONE, CliError


def main(arguments: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in COMMANDS:
        return load(given[0]).main(given[1:], program=f"{program} {given[0]}")
    parser = program_parser(program, with_options=False)
    if not given:
        parser.print_help()
        return BAD_INPUT
    options = parser.parse_args(given)
    try:
        print(completion.script(options.shell))
    except CliError as error:
        return complain(str(error), error.code)
    return DONE


def oodt() -> NoReturn:
    """What the console script runs."""
    exit_with(main)


if __name__ == "__main__":
    exit_with(lambda: main(program="python -m runtime"))
