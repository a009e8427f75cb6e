"""What the operator's commands have in common: exit codes, help, time limits, complaints, results."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn, TextIO

DONE, SOME_FAILED, BAD_INPUT, NO_BROKER, TIMED_OUT = range(5)
# As a shell says of programs that SIGINT or SIGPIPE has ended.
INTERRUPTED, NOT_READ = 130, 141
# Beyond any wait, and within what the system's timers take.
LONGEST_SECONDS = 1e9

# The broker's numbers are up to five seconds old, and a job may be on its way from one queue to another:
# queues are empty when they have been so for this long.
SETTLED_SECONDS = 7.0

CODES = "exit codes: 0 done, 1 some jobs failed, 2 bad usage or input, 3 no broker, 4 timed out"


class TimedOut(Exception):
    """The time that the operator has granted is over."""


def parser(module: str, description: str, *examples: str) -> argparse.ArgumentParser:
    """A parser for ``python -m runtime.MODULE`` that knows --json and --timeout; examples are arguments."""
    program = f"python -m runtime.{module}"
    lines = "\n".join(f"  {program} {example}".rstrip() for example in examples)
    made = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f"examples:\n{lines}\n\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="end with the result as one JSON object on stdout")
    made.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="give up after SECONDS")
    return made


def complain(text: str, code: int) -> int:
    tell(text)
    return code


def tell(line: str) -> None:
    """On stderr; that nobody reads it ends no work."""
    with output(sys.stderr):
        print(line, file=sys.stderr)


def run(main: Callable[[], int]) -> NoReturn:
    """Exit as MAIN says; without a word when it is interrupted, or nobody reads any more what it shows."""
    try:
        code = main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = NOT_READ
        _silence(sys.stdout, sys.stderr)
    sys.exit(code)


@contextlib.contextmanager
def output(stream: TextIO | None) -> Iterator[None]:
    """Around what prints there: a reader that has seen enough, as ``head`` has, changes no exit code."""
    try:
        yield
        if stream is not None:  # as it is where the shell has closed it
            stream.flush()
    except BrokenPipeError:
        _silence(stream)


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise TimedOut in the block after SECONDS, whatever it waits for."""

    def end(*_: object) -> None:
        raise TimedOut(f"not done within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def word(text: str) -> str:
    """An argument that names something; an empty one is what a variable that is not set leaves."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} names nothing: give a name or an id")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: use a number of seconds above 0, at most {LONGEST_SECONDS:.0f}"
        )
    return seconds


def _silence(*streams: TextIO | None) -> None:
    # Python writes what is left in their buffers when it ends, and would complain then.
    for stream in filter(None, streams):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
