"""How a command ends: its exit code, its result, and the errors that end it early."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DONE, SOME_FAILED, BAD_INPUT, NO_BROKER, TIMED_OUT = range(5)
CODES = "exit codes: 0 done, 1 some jobs failed, 2 bad usage or input, 3 no broker, 4 timed out"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a command: ``answer`` is printed with --json, ``show`` prints the same for people."""

    answer: Mapping[str, Any]
    show: Callable[[], None]
    code: int = DONE


class CliError(Exception):
    """Ends a command with the exit code of its class. The text tells the operator what to do.

    ``result`` is what the command has done until then, where that matters.
    """

    code: int

    def __init__(self, text: str, *, result: Result | None = None) -> None:
        super().__init__(text)
        self.result = result


class SomeFailed(CliError):
    """The command did its work in part only."""

    code = SOME_FAILED


class BadInput(CliError):
    """An option, a file or a setting cannot be used."""

    code = BAD_INPUT


class BadUsage(BadInput):
    """Options that do not go together. The text is shown below the command's usage."""


class NoBroker(CliError):
    """The broker, or the service that the command asks, cannot be reached or refuses."""

    code = NO_BROKER


class TimedOut(CliError):
    """The time that the operator has granted with --timeout is over."""

    code = TIMED_OUT
