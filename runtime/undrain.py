"""The operator's command that lets a drained worker in again."""

from argparse import ArgumentParser, Namespace

from runtime.cli.acting import act, add_dry_run
from runtime.cli.command import Command, exit_with, word
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("nodes", options.node, "undrain", dry_run=options.dry_run)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "node", type=word, metavar="NODE", help="a worker, by its name in `oodt status --nodes`"
    )
    add_dry_run(parser)


COMMAND = Command(
    name="undrain",
    description="Let a drained worker in again. Docker puts containers there when it starts some again.",
    examples=("worker1",),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
