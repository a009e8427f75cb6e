"""What the operator's commands have in common: exit codes, help, time limits, complaints."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator

DONE, SOME_FAILED, BAD_INPUT, NO_BROKER, TIMED_OUT = range(5)

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
    print(text, file=sys.stderr)
    return code


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


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a time: use a number of seconds above 0")
    return seconds
