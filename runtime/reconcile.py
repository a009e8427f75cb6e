"""The operator's command that compares queues, ledger, catalogue and archive, and mends what does not agree.

As ``clean`` it runs where the share is mounted.
"""

import os
from argparse import ArgumentParser, Namespace

from runtime import names
from runtime.cli import inside
from runtime.cli.command import Command, exit_with
from runtime.cli.findings import MENDED
from runtime.cli.results import BadUsage, Result


def _run(options: Namespace) -> Result | int:
    if unknown := sorted(set(options.kinds) - set(MENDED)):
        raise BadUsage(f"KIND is {unknown[0]!r}: use {', '.join(MENDED)}")
    if bool(options.kinds) != options.yes:
        raise BadUsage("to mend, name the kinds and add --yes; to be told only, leave out both")
    if os.environ.get(names.OODT_ARCHIVE):
        # Imported here: it loads aiohttp, which takes longer than all the rest of the start.
        from runtime.cli.reconcile_here import reconcile  # noqa: PLC0415

        return reconcile(options.kinds)
    return inside.run("runtime.reconcile", options.given)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"what to mend: {', '.join(MENDED)}")
    parser.add_argument("--yes", action="store_true", help="do it")


COMMAND = Command(
    name="reconcile",
    description="Compare queues, ledger, catalogue and archive, and tell what does not agree. With kinds and "
    "--yes it mends these. The exit code is 0 if all agrees, or is mended.",
    examples=("", "orphans incomplete messages --yes"),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
