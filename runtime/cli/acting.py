"""What commands share that ask the status service for an action: --dry-run, and the result's look."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from runtime.cli.results import Result
from runtime.cli.status_client import status_client


def add_dry_run(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only tell what it would do")


def act(kind: str, name: str, action: str, *, dry_run: bool) -> Result:
    """Carry out ACTION on the event or node of this NAME, or only tell; raises NoStatus, Refused."""
    found: dict[str, Any] = status_client().act(f"{kind}/{quote(name, safe='')}/{action}", dry_run=dry_run)

    def show() -> None:
        print(f"would be so: {found['text']}" if dry_run else found["text"])

    return Result(answer=found, show=show)
