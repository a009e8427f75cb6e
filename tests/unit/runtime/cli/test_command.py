"""The frame of the commands: what becomes of a result, of an error, and of the time limit."""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import pytest

from runtime.cli.command import Command, take_over_timeout
from runtime.cli.results import BadInput, BadUsage, CliError, NoBroker, Result, SomeFailed, TimedOut
from runtime.environment import SettingError

Run = Callable[[Namespace], Result | int]


def command(run: Run) -> Command:
    def add_options(parser: ArgumentParser) -> None:
        parser.add_argument("--flag", action="store_true")

    return Command(name="test", description="A test.", examples=("--flag",), add_options=add_options, run=run)


def raising(error: Exception) -> Run:
    def run(_: Namespace) -> Result:
        raise error

    return run


def result(code: int = 0) -> Result:
    return Result(answer={"jobs": 3}, show=lambda: print("three jobs"), code=code)


def test_a_result_is_shown_to_people_or_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    shown = command(lambda _: result(1))
    assert shown.main([]) == 1
    assert capsys.readouterr().out == "three jobs\n"
    assert shown.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"jobs": 3}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SomeFailed("why"), 1),
        (BadInput("why"), 2),
        (SettingError("why"), 2),
        (NoBroker("why"), 3),
        (TimedOut("why"), 4),
    ],
)
def test_an_error_is_told_and_gives_the_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(raising(error)).main(["--json"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "why\n")


def test_what_was_done_before_an_error_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    error: CliError = NoBroker("why", result=result())
    assert command(raising(error)).main(["--json"]) == 3
    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ({"jobs": 3}, "why\n")


def test_options_that_do_not_go_together_are_told_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command(raising(BadUsage("not both"))).main([], program="oodt test")
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("usage: oodt test [-h] [--json]")
    assert told.endswith("oodt test: error: not both\n")


def test_a_command_that_has_shown_its_output_gives_its_exit_code_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(lambda _: 7).main(["--json"]) == 7
    assert capsys.readouterr().out == ""


def test_a_command_sees_its_arguments_as_they_were_typed() -> None:
    seen: list[str] = []

    def run(options: Namespace) -> int:
        seen.extend(options.given)
        return 0

    command(run).main(["--timeout", "5", "--flag"])
    assert seen == ["--timeout", "5", "--flag"]


def test_a_command_is_ended_at_its_time_limit(capsys: pytest.CaptureFixture[str]) -> None:
    def run(_: Namespace) -> int:
        time.sleep(60)
        return 0

    assert command(run).main(["--timeout", "0.1"]) == 4
    assert capsys.readouterr().err == "not done within 0.1 s\n"


def test_a_command_can_keep_to_the_time_limit_itself() -> None:
    left: list[float | None] = []

    def run(_: Namespace) -> int:
        left.append(take_over_timeout())
        time.sleep(0.2)
        return 0

    assert command(run).main(["--timeout", "0.1"]) == 0
    assert left[0] is not None and 0 < left[0] <= 0.1
    assert command(run).main([]) == 0
    assert left[1] is None
