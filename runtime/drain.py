"""The operator's command that empties a worker."""

from argparse import Namespace

from runtime.cli.acting import act, add_node
from runtime.cli.command import Command, exit_with
from runtime.cli.results import Result


def _run(options: Namespace) -> Result:
    return act("nodes", options.node, "drain", dry_run=options.dry_run)


COMMAND = Command(
    name="drain",
    description="Empty a worker: its containers finish their jobs, within `leave_within` seconds, and stop. "
    "Docker starts others elsewhere. The node stays so until `oodt undrain`.",
    examples=("worker1 --dry-run", "worker1"),
    add_options=add_node,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
