"""The frame of the operator's commands: help, --json, --timeout, errors, exit codes."""

import argparse
import contextlib
import json
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from runtime.cli.results import BAD_INPUT, CODES, BadUsage, CliError, Result, TimedOut
from runtime.cli.terminal import escape_what_cannot_be_shown, output, silence, tell
from runtime.environment import SettingError
from runtime.messaging.event import Event

# As a shell says of programs that SIGINT or SIGPIPE has ended.
INTERRUPTED, NOT_READ = 130, 141
# Longer than any wait, and within what the system's timers take.
LONGEST_SECONDS = 1e9


@dataclass(frozen=True, kw_only=True)
class Command:
    """One of the operator's commands. ``examples`` are arguments.

    ``run`` returns the result, or an exit code if the output was shown already; it raises CliError or
    SettingError. In its options, ``given`` holds the arguments as they were typed.
    """

    name: str
    description: str
    examples: Sequence[str]
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Result | int]

    def parser(self, program: str, make: Callable[..., ArgumentParser] = ArgumentParser) -> ArgumentParser:
        """The parser of its arguments, for a command line that begins with PROGRAM."""
        lines = "\n".join(f"  {program} {example}".rstrip() for example in self.examples)
        parser = make(
            prog=program,
            description=self.description,
            epilog=f"examples:\n{lines}\n\n{CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument(
            "--json", action="store_true", help="end with the result as one JSON object on stdout"
        )
        parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="give up after SECONDS")
        self.add_options(parser)
        return parser

    def main(self, arguments: Sequence[str] | None = None, *, program: str | None = None) -> int:
        """Carry it out, and return its exit code."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        parser = self.parser(program or f"python -m runtime.{self.name}")
        options = parser.parse_args(given, Namespace(given=given))
        try:
            with _limited(options.timeout):
                result = self.run(options)
        except BadUsage as error:
            parser.error(str(error))
        except SettingError as error:
            return complain(str(error), BAD_INPUT)
        except CliError as error:
            if error.result is not None:
                _show(error.result, as_json=options.json)
            return complain(str(error), error.code)
        if isinstance(result, int):
            return result
        _show(result, as_json=options.json)
        return result.code


def complain(text: str, code: int) -> int:
    tell(text)
    return code


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Exit with what MAIN returns. An interrupt, or a reader that has gone away, ends it without a word."""
    escape_what_cannot_be_shown()
    try:
        code = main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = NOT_READ
        silence(sys.stdout, sys.stderr)
    sys.exit(code)


def take_over_timeout() -> float | None:
    """The seconds that are left of --timeout. From now on the command itself keeps to them.

    An event loop needs this: it would swallow the exception in whatever callback the timer finds it.
    """
    return signal.setitimer(signal.ITIMER_REAL, 0)[0] or None


def word(text: str) -> str:
    """An argument that names something. An empty one comes from a shell variable that is not set."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} names nothing: give a name or an id")
    return text


def event(text: str) -> str:
    """An argument that names an event, and so a queue."""
    try:
        return Event(name=word(text)).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _show(result: Result, *, as_json: bool) -> None:
    with output(sys.stdout):
        if as_json:
            print(json.dumps(result.answer))
        else:
            result.show()


@contextlib.contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
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
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: use a number of seconds above 0, at most {LONGEST_SECONDS:.0f}"
        )
    return seconds
