"""The operator's command that lets a drained worker in again."""

from argparse import Namespace

from runtime.cli.acting import act, add_node
from runtime.cli.command import Command, exit_with
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("nodes", options.node, "undrain", dry_run=options.dry_run)


COMMAND = Command(
    name="undrain",
    description="Let a drained worker in again. Docker puts containers there when it starts some, and moves "
    "none that run. The result has the line that spreads the Workflow Managers over all workers now.",
    examples=("worker1",),
    add_options=add_node,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
