"""The day itself: the steps within their limits, and destroy at the end, whatever happened."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from infra.aws.preflight.facts import NotRead
from tools.day_one.account import REFUSED
from tools.day_one.limits import DESTROY_MINUTES, Limits
from tools.day_one.processes import ProgramError
from tools.day_one.report import Outcome, Report, State
from tools.day_one.steps import Step, Trial
from tools.day_one.switch import Switch

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """Somebody wants the program to end."""


def say(text: str) -> None:
    """Nobody may be there to read it any more."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


@contextlib.contextmanager
def at_signals(handler: Callable[[int, object], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def end_in_order(number: int, _frame: object) -> None:
    """A terminal that is closed and a machine that shuts down lead to destroy, as Ctrl-C does."""
    raise Ended(signal.Signals(number).name)


def said(problem: BaseException) -> str:
    return "Ctrl-C" if isinstance(problem, KeyboardInterrupt) else str(problem)


def run(trial: Trial, story: Iterable[Step], limits: Limits, report: Report, switch: Switch) -> bool:
    """Whether all went well and nothing is left."""
    well = True
    try:
        with at_signals(end_in_order):
            for step in story:
                done = _step(trial, step, limits, report)
                well = well and done
                if step.needed and not done:
                    report.notes.append(f"{step.name} is needed by what follows, which was left out")
                    break
    except (KeyboardInterrupt, Ended) as problem:
        report.notes.append(f"it was ended: {said(problem)}")
        well = False
    finally:
        with at_signals(signal.SIG_IGN):
            clean = _end(trial, report, switch)
        report.facts["at most"] = f"{limits.spent():.2f} USD by the clock"
        report.write()
    return well and clean


def _step(trial: Trial, step: Step, limits: Limits, report: Report) -> bool:
    limit = min(step.minutes * 60, limits.left())
    trial.stack.log = report.log(step.name)
    began, problem = time.monotonic(), ""
    state: State = "done"
    trial.deadline = began + limit
    if limit <= 0:
        state, problem = "skipped", "the time limit is over"
    else:
        say(f"{step.name}: {step.what}, {limit / 60:.0f} min at most")
        try:
            step.run(trial)
        except Exception as found:  # the next step finds out what still holds
            state, problem = "failed", f"{type(found).__name__}: {found}"
            say(f"  failed: {problem[:300]}")
    took = time.monotonic() - began
    report.add(
        Outcome(step=step.name, what=step.what, state=state, seconds=took, limit=limit, problem=problem)
    )
    _consoles(trial, report)
    return state == "done"


def _consoles(trial: Trial, report: Report) -> None:
    try:
        report.consoles(trial.account)
    except (OSError, *REFUSED) as problem:
        report.notes.append(f"consoles were not read: {problem}")


def _end(trial: Trial, report: Report, switch: Switch) -> bool:
    """Destroy, twice if need be; whether nothing is left, by the state and by the account."""
    _consoles(trial, report)
    began, limit = time.monotonic(), DESTROY_MINUTES * 60.0
    trial.stack.log = report.log("destroy")
    say(f"destroy: {DESTROY_MINUTES} min at most")
    state: State = "failed"
    problem = ""
    for _ in range(2):
        seconds = began + limit - time.monotonic()
        try:
            _unlock(trial)
            trial.stack.pulumi("destroy", "--yes", "--skip-preview", seconds=seconds)
            state, problem = "done", ""
            break
        except (Exception, KeyboardInterrupt) as found:
            problem = f"{type(found).__name__}: {found}"
            if isinstance(found, OSError):  # such as a full disk
                trial.stack.log = Path(os.devnull)
    what, took = "everything is removed", time.monotonic() - began
    report.add(Outcome(step="destroy", what=what, state=state, seconds=took, limit=limit, problem=problem))
    try:
        own = f"{trial.account.prefix}-switch"
        report.leftovers = [each for each in trial.account.leftovers() if each.identifier != own]
    except NotRead as found:
        report.notes.append(f"leftovers were not looked for: {found}")
        return False
    if state != "done" or report.leftovers:
        report.notes.append(
            f"the stack {trial.stack.name} stays: PULUMI_STACK={trial.stack.name} pulumi destroy. AWS ends "
            "its instances at the time that is named above, and then removes what else costs"
        )
        return False
    report.leftovers = switch.remove()
    try:
        trial.stack.pulumi("stack", "rm", "--yes")
    except ProgramError as found:
        report.notes.append(f"the empty stack {trial.stack.name} stays: {found}")
    return not report.leftovers


def _unlock(trial: Trial) -> None:
    """An update that was killed leaves its lock."""
    try:
        trial.stack.pulumi("cancel", "--yes")
    except ProgramError:
        return
