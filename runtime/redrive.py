"""The operator's command that gives dead jobs another chance: from EVENT.dead back to their queue.

A job's message is in its queue, confirmed by the broker, before it is taken out of the dead queue. If this is
interrupted in between, the job is in both: another redrive finds it and does no harm.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pika
import pika.exceptions

from runtime import names
from runtime.cli import addresses
from runtime.cli.addresses import NoBrokerAddress
from runtime.cli.command import (
    BAD_INPUT,
    DONE,
    NO_BROKER,
    SOME_FAILED,
    TIMED_OUT,
    TimedOut,
    complain,
    limited,
    output,
    parser,
    run,
    word,
)
from runtime.environment import SettingError
from runtime.messaging import messages
from runtime.messaging.announcements import Redrive, encode, routing_key
from runtime.messaging.blocking import FAILURES, connection, publish, told
from runtime.messaging.event import Event

NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of the dead jobs: those that fit every part that is given."""

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
    """Redrive the dead jobs that fit; what was done so far is in the report, however this ends."""
    token = uuid.uuid4().hex
    dead = names.dead_queue(report.event)
    with connection(url, name=f"redrive {report.event}") as (taking, sending):
        # Those that come back meanwhile are not for this time.
        for _ in range(taking.queue_declare(dead, passive=True).method.message_count):
            method, properties, body = taking.basic_get(dead)
            if method is None:
                break
            job = messages.job_id(report.event, properties, body)
            if not choice.fits(job, properties):
                # It stays taken, so that the next one comes, and goes back when the connection ends.
                report.left += 1
                continue
            again = messages.republished(properties, job=job, redrive=token)
            publish(sending, names.EXCHANGE, report.event, body, again)
            announcement = Redrive(
                job=job, event=report.event, redrive=token, batch=messages.batch_of(properties)
            )
            key = routing_key(announcement)
            publish(sending, names.EVENTS_EXCHANGE, key, encode(announcement), mandatory=False)
            taking.basic_ack(method.delivery_tag)
            report.redriven += 1
            report.jobs.append(job)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        choice = _choice(options)
        report = Report(event=Event(name=options.event).name)
        url = addresses.broker_url()
    except (SettingError, ValueError) as error:
        return complain(str(error), BAD_INPUT)
    except NoBrokerAddress as error:
        return complain(str(error), NO_BROKER)
    code = _run(url, choice, report, options.timeout)
    with output(sys.stdout):
        if options.json:
            print(json.dumps(asdict(report)))
        elif code in {DONE, SOME_FAILED}:
            print(f"{report.redriven} jobs of {report.event} are queued again, {report.left} stay dead")
    missing = sorted(choice.jobs - set(report.jobs))
    if code == DONE and missing:
        return complain(f"not among the dead jobs: {', '.join(missing)}", SOME_FAILED)
    return code


def _run(url: str, choice: Choice, report: Report, timeout: float | None) -> int:
    try:
        with limited(timeout):
            redrive(url, choice, report)
    except TimedOut as error:
        return complain(f"{error}; {report.redriven} jobs are queued again", TIMED_OUT)
    except pika.exceptions.ChannelClosedByBroker as error:
        if error.reply_code != NOT_FOUND:
            return complain(f"the broker refused: {error.reply_text}", NO_BROKER)
        dead = names.dead_queue(report.event)
        return complain(f"the broker has no queue {dead}: name the event of one of its workflows", BAD_INPUT)
    except FAILURES as error:
        return complain(
            f"no broker at {told(url, error)}; {report.redriven} jobs are queued again: "
            f"correct {names.RABBITMQ_USER_URL}, or wait for the broker",
            NO_BROKER,
        )
    return DONE


def _choice(options: argparse.Namespace) -> Choice:
    choice = Choice(batch=options.batch, reason=options.reason, jobs=frozenset(options.job or ()))
    if options.all == (choice != Choice()):
        raise ValueError("say which dead jobs: --batch, --reason, --job, or --all alone")
    return choice


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "redrive",
        "Put dead jobs back into their queue. Their attempts are counted anew.",
        "--event test-workflow --batch 20260105-101500-3f2a1c",
        '--event test-workflow --reason "was not ingested"',
        "--event test-workflow --all",
    )
    made.add_argument("--event", type=word, required=True, help="the jobs' event")
    made.add_argument("--batch", type=word, metavar="ID", help="jobs of this batch")
    made.add_argument("--reason", type=word, metavar="TEXT", help="jobs whose reason has this text in it")
    made.add_argument("--job", type=word, metavar="ID", action="append", help="this job; repeat it for more")
    made.add_argument("--all", action="store_true", help="all dead jobs of the event")
    return made


if __name__ == "__main__":
    run(main)
