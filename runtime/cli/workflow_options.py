"""The options of commands that are about a workflow's folder, and what they name."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from runtime.cli.batches import pairs
from runtime.cli.command import word
from runtime.cli.results import BadInput
from runtime.policy.places import NoWorkflow, Places, find


def add(parser: ArgumentParser, *, metadata: str) -> None:
    """Add the options; METADATA says what those are for."""
    parser.add_argument("folder", type=word, metavar="DIR", help="the workflow's folder")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help=metadata)
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a variable of the workflow's own; repeat it for more",
    )


def workflows(options: Namespace) -> list[Places]:
    """The workflows of the folder, with their variables; raises BadInput."""
    environment = pairs(options.environment, "--environment")
    try:
        found = find(Path(options.folder).expanduser().resolve())
    except (NoWorkflow, OSError, RuntimeError) as problem:
        raise BadInput(f"DIR is {options.folder!r}: {problem}") from None
    return [replace(each, environment=environment) for each in found]
