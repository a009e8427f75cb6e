"""The list of the operator's commands. A new one is a module with a COMMAND, and a line here.

A module is imported when its command is needed: the whole list would make each command start slower.
"""

import functools
import importlib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import NamedTuple

from runtime.cli.command import Command
from runtime.cli.results import CODES

PROGRAM = "oodt"


class Listed(NamedTuple):
    """A command in the list: the module that has it, and what it does in one line."""

    module: str
    summary: str


COMMANDS = {
    "submit": Listed("runtime.submit", "submit jobs, and follow them to their end"),
    "status": Listed("runtime.status", "show the cluster, a batch or a job"),
    "logs": Listed("runtime.logs", "tell the story of a job, with all that its programs wrote"),
    "fetch": Listed("runtime.fetch", "bring the products of jobs, with their metadata, to this machine"),
    "cancel": Listed("runtime.cancel", "cancel jobs or batches, queued or running"),
    "redrive": Listed("runtime.redrive", "put dead jobs back into their queue"),
    "pause": Listed("runtime.pause", "let no worker take jobs of an event"),
    "resume": Listed("runtime.resume", "let workers take jobs of a paused event again"),
    "drain": Listed("runtime.drain", "empty a worker"),
    "undrain": Listed("runtime.undrain", "let a drained worker in again"),
    "delete": Listed("runtime.delete", "delete the products of jobs or of a batch"),
    "preflight": Listed("runtime.preflight", "check an AWS account before a cluster is made in it"),
    "clean": Listed("runtime.clean", "delete products, job folders, logs, records and history of ended jobs"),
    "reconcile": Listed("runtime.reconcile", "compare queues, ledger, catalogue and archive, and mend them"),
    "check": Listed("runtime.check", "check a workflow's folder before it runs"),
    "new": Listed("runtime.new", "write the folder of a new workflow"),
    "try": Listed("runtime.dry_run", "run one job of a workflow in a container here, without a cluster"),
}


class _Formatter(RawDescriptionHelpFormatter):
    """Leaves room for the names of commands beside their summaries: argparse does not count their indent."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = max(map(len, (*COMMANDS, "completion"))) + 2 * self._indent_increment


def load(name: str) -> Command:
    """The command of this name; imports its module."""
    command: Command = importlib.import_module(COMMANDS[name].module).COMMAND
    return command


def parsers() -> dict[str, ArgumentParser]:
    """The parser of each command by its name; imports all modules."""
    return {name: load(name).parser(f"{PROGRAM} {name}") for name in COMMANDS}


def program_parser(program: str, *, with_options: bool) -> ArgumentParser:
    """The parser of the program itself. WITH_OPTIONS of all commands, it imports all modules."""
    parser = ArgumentParser(
        prog=program,
        description="Submit jobs to the cluster, and see to them.",
        epilog=f"{program} COMMAND --help tells more of each.\n\n{CODES}",
        formatter_class=_Formatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (_, summary) in COMMANDS.items():
        add = functools.partial(commands.add_parser, name, help=summary)
        if with_options:
            load(name).parser(f"{program} {name}", add)
        else:
            add()
    completion = commands.add_parser("completion", help="print a script that completes words in this shell")
    completion.add_argument("shell", choices=("bash", "zsh"))
    return parser
