"""The operator's command that lets no worker take jobs of an event."""

from argparse import Namespace

from runtime.cli.acting import act, add_event
from runtime.cli.command import Command, exit_with
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("events", options.event, "pause", dry_run=options.dry_run)


COMMAND = Command(
    name="pause",
    description="Let no worker take jobs of an event. Jobs that run go on, others wait, until `oodt resume`. "
    "Nothing ends a pause but that: no restart, and no `pulumi up`.",
    examples=("--event test-workflow", "--event test-workflow --dry-run"),
    add_options=add_event,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
