"""Shows on stderr how far `oodt fetch` is: a bar on a terminal, lines in a file."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.cli.display import Console, lines
from runtime.cli.fetching import Fetched


@contextlib.contextmanager
def display(fetched: Fetched) -> Iterator[Callable[[], None]]:
    """Gives what is to be called after each step."""
    if not sys.stderr.isatty():
        yield lines(lambda: _line(fetched))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def show() -> None:
            total = fetched.wanted_bytes if fetched.bytes else None
            progress.update(task, description=_text(fetched), completed=fetched.bytes, total=total)

        yield show


def _line(fetched: Fetched) -> str:
    return f"{_text(fetched)}, {fetched.bytes / 1e6:.1f} of {fetched.wanted_bytes / 1e6:.1f} MB"


def _text(fetched: Fetched) -> str:
    if not fetched.bytes:
        return f"{fetched.listed} products, {fetched.wanted} of them to be brought"
    return f"{fetched.fetched} of {fetched.wanted} products brought"
