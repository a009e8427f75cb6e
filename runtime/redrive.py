"""The operator's command that puts dead jobs back into their queue, perhaps with other metadata."""

from argparse import ArgumentParser, Namespace
from typing import Any

import pika.exceptions

from runtime import names
from runtime.actions.edits import Edit
from runtime.actions.redrive import Choice, Report, counted, look, redrive
from runtime.cli import addresses, stack
from runtime.cli.batches import BatchError, pairs
from runtime.cli.command import Command, event, exit_with, word
from runtime.cli.display import lines
from runtime.cli.operator import who
from runtime.cli.results import BadInput, CliError, NoBroker, Result, SomeFailed, TimedOut
from runtime.messaging.blocking import CONNECT_SECONDS, FAILURES, description
from runtime.messaging.dead_queue import Taken
from runtime.messaging.messages import Poison

NOT_FOUND = 404


def _run(options: Namespace) -> Result:
    choice = _choice(options)
    report = Report(event=options.event)
    url = addresses.broker_url()
    try:
        _carry_out(url, options, choice, report)
        if missing := sorted(choice.jobs - set(report.jobs)):
            raise SomeFailed(f"not among the dead jobs: {', '.join(missing)}")
    except CliError as error:
        error.result = _result(report, done=not options.dry_run, whole=isinstance(error, SomeFailed))
        raise
    return _result(report, done=not options.dry_run, whole=True)


def _result(report: Report, *, done: bool, whole: bool) -> Result:
    answer: dict[str, Any] = {
        "event": report.event,
        "redriven": report.redriven,
        "left": report.left,
        "jobs": report.jobs,
        "batches": dict(report.batches),
        "done": done,
    }

    def show() -> None:
        if whole and done:
            print(f"{report.redriven} jobs of {report.event} are queued again, {report.left} stay dead")
        elif whole:
            print(f"{counted(report)} of {report.event} would be queued again, {report.left} would stay dead")

    return Result(answer=answer, show=show)


def _carry_out(url: str, options: Namespace, choice: Choice, report: Report) -> None:
    """Redrive or look, and tell what is wrong with the broker; raises CliError."""
    edit = _edit(options)
    within = stack.stretched(CONNECT_SECONDS)
    try:
        if options.dry_run:
            look(url, choice, report, within=within, step=lines(report.so_far))
        else:
            redrive(url, choice, report, edit=edit, who=who(), within=within, step=lines(report.so_far))
    except Taken as error:
        raise TimedOut(str(error)) from error
    except TimedOut as error:
        raise TimedOut(f"{error}; {report.redriven} jobs are queued again") from None
    except pika.exceptions.ChannelClosedByBroker as error:
        if error.reply_code != NOT_FOUND:
            raise NoBroker(f"the broker refused: {error.reply_text}") from error
        dead = names.dead_queue(report.event)
        raise BadInput(f"the broker has no queue {dead}: name the event of one of its workflows") from error
    except FAILURES as error:
        raise NoBroker(
            f"no broker at {description(url, error)}; {report.redriven} jobs are queued again: "
            f"correct {names.RABBITMQ_USER_URL}, or wait for the broker"
        ) from error


def _choice(options: Namespace) -> Choice:
    choice = Choice(batch=options.batch, reason=options.reason, jobs=frozenset(options.job or ()))
    if options.all == (choice != Choice()):
        raise BadInput("say which dead jobs: --batch, --reason, --job, or --all alone")
    return choice


def _edit(options: Namespace) -> Edit | None:
    if not options.metadata and not options.without:
        return None
    try:
        return Edit(set=pairs(options.metadata), unset=frozenset(options.without))
    except (BatchError, Poison) as error:
        raise BadInput(str(error)) from error


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--event", type=event, required=True, help="the jobs' event")
    parser.add_argument("--batch", type=word, metavar="ID", help="jobs of this batch")
    parser.add_argument(
        "--reason",
        type=word,
        metavar="TEXT",
        help="jobs whose reason has this text in it, or that oodt status lists under it",
    )
    parser.add_argument(
        "--job", type=word, metavar="ID", action="append", help="this job; repeat it for more"
    )
    parser.add_argument("--all", action="store_true", help="all dead jobs of the event")
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="run them again with this value of the field; repeat it for more",
    )
    parser.add_argument(
        "--without",
        type=word,
        action="append",
        default=[],
        metavar="KEY",
        help="run them again without this field; repeat it for more",
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell which jobs these are")


COMMAND = Command(
    name="redrive",
    description="Put dead jobs back into their queue, with other metadata if you give some. Their attempts "
    "are counted anew.",
    examples=(
        "--event test-workflow --batch 20260105-101500-3f2a1c",
        '--event test-workflow --reason "was not ingested"',
        "--event test-workflow --all --dry-run",
        "--event test-workflow --job 20260105-101500-3f2a1c.7 --metadata Dataset=abd",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
