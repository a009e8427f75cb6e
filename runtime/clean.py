"""The operator's command that deletes products, job folders, records and history of jobs that have ended.

The share is mounted in the containers. From another machine the command runs itself in the status service's
container, by ssh.
"""

import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from runtime import names
from runtime.cli import inside
from runtime.cli.command import Command, exit_with
from runtime.cli.results import BadUsage, Result, TimedOut

UNLESS_SAID = ("products", "jobs", "logs", "ledger", "history")
PARTS = (*UNLESS_SAID, "dead")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _run(options: Namespace) -> Result | int:
    if unknown := sorted(set(options.parts) - set(PARTS)):
        raise BadUsage(f"PART is {unknown[0]!r}: use {', '.join(PARTS)}")
    try:
        if os.environ.get(names.OODT_ARCHIVE):
            # Imported here: it loads aiohttp, which takes longer than all the rest of the start.
            from runtime.cli.clean_here import clean  # noqa: PLC0415

            return clean(options.parts or UNLESS_SAID, older_than=options.older_than, really=options.yes)
        return inside.run("runtime.clean", options.given)
    except TimedOut as error:
        raise TimedOut(f"{error}; run the same command again to go on") from None


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"what to clean: {', '.join(UNLESS_SAID)}; or dead, which is messages of dead jobs",
    )
    parser.add_argument(
        "--older-than",
        type=_age,
        default=0.0,
        metavar="AGE",
        help="only what is older, such as 90m, 12h or 7d",
    )
    parser.add_argument("--yes", action="store_true", help="do it")


def _age(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is not an age: write it like 90m, 12h or 7d")
    return float(int(found[1]) * UNITS[found[2]])


COMMAND = Command(
    name="clean",
    description="Delete products (files and catalogue entries), job folders, full logs of runs, records and "
    "history of jobs that have ended. Without --yes it only tells what would go. A batch that is submitted "
    "again after its records are gone runs again. Dead jobs can be redriven until their messages are "
    "cleaned.",
    examples=("", "--yes", "jobs ledger history --older-than 7d --yes", "dead --older-than 30d --yes"),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
