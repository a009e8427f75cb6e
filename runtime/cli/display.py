"""Shows a batch's progress on stderr: live on a terminal, plain lines elsewhere, and a table at the end."""

import sys
import time
from typing import Protocol, Self

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from runtime.cli import command
from runtime.cli.tally import Tally

LINE_EVERY_SECONDS = 10.0
LISTED_FAILURES = 20


class Display(Protocol):
    """Use as a context manager; call ``show`` whenever something has changed. ``tell`` leaves a line."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, tally: Tally) -> None: ...
    def tell(self, line: str) -> None: ...


class Console(rich.console.Console):
    """One that leaves a reader who has gone to the command; rich itself would exit with a code of its own."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def display(tally: Tally) -> Display:
    return Bars(tally) if sys.stderr.isatty() else Lines()


class Bars:
    """Two bars: jobs submitted, jobs ended."""

    def __init__(self, tally: Tally) -> None:
        self._progress = Progress(
            TextColumn("{task.description:9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._submitted = self._progress.add_task("submitted", total=tally.jobs, note="")
        self._ended = self._progress.add_task("done", total=tally.jobs, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, tally: Tally) -> None:
        self._progress.update(self._submitted, completed=tally.submitted)
        self._progress.update(self._ended, completed=tally.ended, note=_note(tally))

    def tell(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


class Lines:
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, tally: Tally) -> None:
        if time.monotonic() >= self._next or tally.complete:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            self.tell(f"{tally.submitted} of {tally.jobs} submitted, {_note(tally)}")

    def tell(self, line: str) -> None:
        command.tell(line)


def summarize(tally: Tally) -> None:
    """The end of a batch that was waited for."""
    console = Console(stderr=True)
    table = Table(title=f"batch {tally.batch}")
    for heading in ("submitted", "succeeded", "failed", "cancelled", "not done", "seconds"):
        table.add_column(heading, justify="right")
    numbers = (
        tally.submitted,
        tally.counts["SUCCEEDED"],
        tally.counts["DEAD"],
        tally.counts["CANCELLED"],
        tally.jobs - tally.ended,
        tally.seconds,
    )
    table.add_row(*(str(number) for number in numbers))
    console.print(table)
    failures = tally.failures()
    for event in failures[:LISTED_FAILURES]:
        console.print(
            f"failed: {event.job} after {event.attempts} attempts: {event.reason}",
            markup=False,
            highlight=False,
        )
    if len(failures) > LISTED_FAILURES:
        console.print(f"and {len(failures) - LISTED_FAILURES} more")


def _note(tally: Tally) -> str:
    return (
        f"{tally.counts['RUNNING']} running, {tally.counts['RETRYING']} to be tried again, "
        f"{tally.counts['SUCCEEDED']} succeeded, {tally.counts['DEAD']} failed"
    )
