"""The operator's command that puts dead jobs back: from EVENT.dead into their queue.

The broker confirms the message in its queue before it is acknowledged in the dead queue. If redrive is
interrupted in between, the message is in both queues: another redrive finds it and does no harm.
"""

import uuid
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass, field

import pika
import pika.exceptions

from runtime import names
from runtime.cli import addresses
from runtime.cli.command import Command, event, exit_with, word
from runtime.cli.results import BadInput, CliError, NoBroker, Result, SomeFailed, TimedOut
from runtime.messaging import messages
from runtime.messaging.announcements import Redrive, encode, routing_key
from runtime.messaging.blocking import FAILURES, connection, description, publish, waiting

NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead jobs to redrive: those that fit all parts that are given."""

    batch: str | None = None
    reason: str | None = None
    jobs: frozenset[str] = frozenset()

    def fits(self, job: str, properties: pika.BasicProperties) -> bool:
        return (
            (self.batch is None or messages.batch_of(properties) == self.batch)
            and (self.reason is None or self.reason in (messages.reason_of(properties) or ""))
            and (not self.jobs or job in self.jobs)
        )


@dataclass(kw_only=True)
class Report:
    event: str
    redriven: int = 0
    left: int = 0
    jobs: list[str] = field(default_factory=list)


def redrive(url: str, choice: Choice, report: Report) -> None:
    """Redrive the dead jobs that fit. The report says what was done, also if this raises."""
    token = uuid.uuid4().hex
    dead = names.dead_queue(report.event)
    with connection(url, name=f"redrive {report.event}") as (receiving, sending):
        # Jobs that die again meanwhile are left for the next redrive.
        for tag, properties, body in waiting(receiving, dead):
            job = messages.job_id(report.event, properties, body)
            if not choice.fits(job, properties):
                report.left += 1
                continue
            again = messages.republished(properties, job=job, redrive=token)
            publish(sending, names.EXCHANGE, report.event, body, again)
            announcement = Redrive(
                job=job, event=report.event, redrive=token, batch=messages.batch_of(properties)
            )
            key = routing_key(announcement)
            publish(sending, names.EVENTS_EXCHANGE, key, encode(announcement), mandatory=False)
            receiving.basic_ack(tag)
            report.redriven += 1
            report.jobs.append(job)


def _run(options: Namespace) -> Result:
    choice = _choice(options)
    report = Report(event=options.event)
    url = addresses.broker_url()
    try:
        _redrive(url, choice, report)
        if missing := sorted(choice.jobs - set(report.jobs)):
            raise SomeFailed(f"not among the dead jobs: {', '.join(missing)}")
    except CliError as error:
        error.result = _result(report, whole=isinstance(error, SomeFailed))
        raise
    return _result(report, whole=True)


def _result(report: Report, *, whole: bool) -> Result:
    def show() -> None:
        if whole:
            print(f"{report.redriven} jobs of {report.event} are queued again, {report.left} stay dead")

    return Result(answer=asdict(report), show=show)


def _redrive(url: str, choice: Choice, report: Report) -> None:
    """Redrive, and tell what is wrong with the broker; raises CliError."""
    try:
        redrive(url, choice, report)
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


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--event", type=event, required=True, help="the jobs' event")
    parser.add_argument("--batch", type=word, metavar="ID", help="jobs of this batch")
    parser.add_argument("--reason", type=word, metavar="TEXT", help="jobs whose reason has this text in it")
    parser.add_argument(
        "--job", type=word, metavar="ID", action="append", help="this job; repeat it for more"
    )
    parser.add_argument("--all", action="store_true", help="all dead jobs of the event")


COMMAND = Command(
    name="redrive",
    description="Put dead jobs back into their queue. Their attempts are counted anew.",
    examples=(
        "--event test-workflow --batch 20260105-101500-3f2a1c",
        '--event test-workflow --reason "was not ingested"',
        "--event test-workflow --all",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
