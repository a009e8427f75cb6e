"""What commands share that ask the status service for an action: options, and the look of the result."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from runtime.cli.command import event, word
from runtime.cli.results import Result
from runtime.cli.status_client import status_client


def add_dry_run(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only tell what it would do")


def add_event(parser: ArgumentParser) -> None:
    """The options of an action on an event."""
    parser.add_argument("--event", type=event, required=True, help="the event")
    add_dry_run(parser)


def add_node(parser: ArgumentParser) -> None:
    """The options of an action on a node."""
    parser.add_argument(
        "node", type=word, metavar="NODE", help="a worker, by its name in `oodt status --nodes`"
    )
    add_dry_run(parser)


def act(kind: str, name: str, action: str, *, dry_run: bool) -> Result:
    """Carry out ACTION on the event or node of this NAME, or only tell; raises NoStatus, Refused."""
    found: dict[str, Any] = status_client().act(f"{kind}/{quote(name, safe='')}/{action}", dry_run=dry_run)

    def show() -> None:
        print(f"would be so: {found['text']}" if dry_run else found["text"])

    return Result(answer=found, show=show)
