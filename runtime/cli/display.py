"""Shows the progress of a batch on stderr: bars on a terminal, lines in a file, and a table at the end."""

import sys
import time
from collections.abc import Callable
from typing import Protocol, Self

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.cli import terminal
from runtime.cli.progress import BatchProgress

LINE_EVERY_SECONDS = 10.0
LISTED_DEAD = 20


class Display(Protocol):
    """Use as a context manager. Call ``show`` after each change. ``tell`` writes a line that stays."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, progress: BatchProgress) -> None: ...
    def tell(self, line: str) -> None: ...


class Console(rich.console.Console):
    """Lets the command decide what a closed pipe means; rich would exit with a code of its own."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def display(progress: BatchProgress) -> Display:
    return Bars(progress) if sys.stderr.isatty() else Lines()


class Bars:
    """Two bars: jobs submitted, jobs ended."""

    def __init__(self, progress: BatchProgress) -> None:
        self._progress = Progress(
            TextColumn("{task.description:9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._submitted = self._progress.add_task("submitted", total=progress.jobs, note="")
        self._ended = self._progress.add_task("done", total=progress.jobs, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, progress: BatchProgress) -> None:
        self._progress.update(self._submitted, completed=progress.submitted)
        self._progress.update(self._ended, completed=progress.ended, note=_note(progress))

    def tell(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


class Lines:
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, progress: BatchProgress) -> None:
        if time.monotonic() >= self._next or progress.complete:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            self.tell(f"{progress.submitted} of {progress.jobs} submitted, {_note(progress)}")

    def tell(self, line: str) -> None:
        terminal.tell(line)


def lines(text: Callable[[], str]) -> Callable[[], None]:
    """Gives what is to be called after each step; it tells the text every few seconds."""
    following = time.monotonic() + LINE_EVERY_SECONDS

    def show() -> None:
        nonlocal following
        if time.monotonic() >= following:
            following = time.monotonic() + LINE_EVERY_SECONDS
            terminal.tell(text())

    return show


def summarize(progress: BatchProgress) -> None:
    """Show what became of a batch that was waited for."""
    console = Console(stderr=True)
    table = Table(title=f"batch {progress.batch}")
    for heading in ("submitted", "succeeded", "dead", "cancelled", "not done", "seconds"):
        table.add_column(heading, justify="right")
    numbers = (
        progress.submitted,
        progress.counts["SUCCEEDED"],
        progress.counts["DEAD"],
        progress.counts["CANCELLED"],
        progress.jobs - progress.ended,
        progress.seconds,
    )
    table.add_row(*(str(number) for number in numbers))
    console.print(table)
    dead = progress.dead()
    for change in dead[:LISTED_DEAD]:
        console.print(
            f"dead: {change.job} after {change.attempts} attempts: {change.reason}",
            markup=False,
            highlight=False,
        )
    if len(dead) > LISTED_DEAD:
        console.print(f"and {len(dead) - LISTED_DEAD} more")


def _note(progress: BatchProgress) -> str:
    return (
        f"{progress.counts['RUNNING']} running, {progress.counts['RETRYING']} to be tried again, "
        f"{progress.counts['SUCCEEDED']} succeeded, {progress.counts['DEAD']} dead"
    )
