"""The operator's command that lets workers take jobs of a paused event again."""

from argparse import ArgumentParser, Namespace

from runtime.cli.acting import act, add_dry_run
from runtime.cli.command import Command, event, exit_with
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("events", options.event, "resume", dry_run=options.dry_run)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--event", type=event, required=True, help="the event")
    add_dry_run(parser)


COMMAND = Command(
    name="resume",
    description="Let workers take jobs of a paused event again, within seconds.",
    examples=("--event test-workflow",),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
