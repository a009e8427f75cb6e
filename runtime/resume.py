"""The operator's command that lets workers take jobs of a paused event again."""

from argparse import Namespace

from runtime.cli.acting import act, add_event
from runtime.cli.command import Command, exit_with
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("events", options.event, "resume", dry_run=options.dry_run)


COMMAND = Command(
    name="resume",
    description="Let workers take jobs of a paused event again, within seconds.",
    examples=("--event test-workflow",),
    add_options=add_event,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
