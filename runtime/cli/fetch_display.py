"""Shows on stderr how far `oodt fetch` is: a bar on a terminal, lines in a file."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.cli import terminal
from runtime.cli.display import LINE_EVERY_SECONDS, Console
from runtime.cli.fetching import Fetched


@contextlib.contextmanager
def display(fetched: Fetched) -> Iterator[Callable[[], None]]:
    """Gives what is to be called after each step."""
    if not sys.stderr.isatty():
        yield _lines(fetched)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def show() -> None:
            total = fetched.wanted_bytes if fetched.bytes else None
            progress.update(task, description=_text(fetched), completed=fetched.bytes, total=total)

        yield show


def _lines(fetched: Fetched) -> Callable[[], None]:
    following = time.monotonic() + LINE_EVERY_SECONDS

    def show() -> None:
        nonlocal following
        if time.monotonic() >= following:
            following = time.monotonic() + LINE_EVERY_SECONDS
            terminal.tell(
                f"{_text(fetched)}, {fetched.bytes / 1e6:.1f} of {fetched.wanted_bytes / 1e6:.1f} MB"
            )

    return show


def _text(fetched: Fetched) -> str:
    if not fetched.bytes:
        return f"{fetched.listed} products, {fetched.wanted} of them to be brought"
    return f"{fetched.fetched} of {fetched.wanted} products brought"
