"""The operator's command that submits a batch of jobs and, with --wait, follows it to its end."""

import argparse
import asyncio
import contextlib
import json
import logging
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from runtime import names
from runtime.cli import addresses, batches
from runtime.cli.addresses import NoBrokerAddress
from runtime.cli.batches import BatchError
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
    tell,
    word,
)
from runtime.cli.display import Display, display, summarize
from runtime.cli.outage import Outage
from runtime.cli.tally import Tally
from runtime.environment import SettingError
from runtime.messaging import messages
from runtime.messaging.announcements import StateChange, Submission, announce, decode
from runtime.messaging.broker import Broker, BrokerDown, Message
from runtime.messaging.event import AMQP_PRIORITY, Event, Priority
from runtime.messaging.messages import Metadata, Poison
from runtime.messaging.session import Delivery, Rejected, Unroutable
from runtime.messaging.topology import follower_topology

CONNECT_SECONDS = 15.0
CONFIRM_SECONDS = 120.0
# Messages under way to the broker: sent, and not confirmed yet.
WINDOW = 2000
EVENTS_AT_ONCE = 500
LOOK_SECONDS = 1.0
# More are a mistake; and the history's database knows no number of more than 64 bits.
MOST_JOBS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """A batch to submit. ``jobs`` gives the stream of its jobs, each time from the start."""

    event: str
    batch: str
    jobs: Callable[[], Iterator[Metadata]]
    priority: Priority
    wait: bool


async def carry_out(request: Request, url: str, tally: Tally, progress: Display) -> None:
    """Submit the batch and perhaps wait for its end; raises BrokerDown, Unroutable, Rejected."""
    watch = (
        follower_topology(request.event, f"{request.batch}.{secrets.token_hex(4)}") if request.wait else None
    )
    async with Broker(url, name=f"submit {request.batch}", topology=watch) as broker:
        await broker.wait_connected(CONNECT_SECONDS)
        async with _outages_told(broker, progress):
            if watch is None:
                await _publish(broker, request, tally, progress)
            else:
                await _publish_and_wait(broker, request, watch.queues[0].name, tally, progress)


async def _publish_and_wait(
    broker: Broker, request: Request, queue: str, tally: Tally, progress: Display
) -> None:
    complete = asyncio.Event()

    def on_event(delivery: Delivery) -> None:
        # Anybody can publish there; what is no event says nothing of this batch.
        with contextlib.suppress(ValueError):
            event = decode(delivery.body)
            if isinstance(event, StateChange) and event.batch == request.batch:
                tally.add(event)
                progress.show(tally)
        if tally.complete:
            complete.set()
        delivery.ack()

    # The queue is there before the first job is, so no state change is missed.
    await broker.consume(queue, prefetch=EVENTS_AT_ONCE, handler=on_event)
    try:
        await _publish(broker, request, tally, progress)
        await complete.wait()
    finally:
        await broker.delete(queue)


async def _publish(broker: Broker, request: Request, tally: Tally, progress: Display) -> None:
    batch = Submission(batch=request.batch, event=request.event, jobs=tally.jobs)

    def confirmed(number: int) -> None:
        tally.submitted += number
        progress.show(tally)

    await announce(broker, batch)
    await broker.publish_each(
        names.EXCHANGE,
        request.event,
        _messages(request),
        at_once=WINDOW,
        seconds=CONFIRM_SECONDS,
        confirmed=confirmed,
    )
    await announce(broker, replace(batch, submitted=tally.submitted))


def _messages(request: Request) -> Iterator[Message]:
    for number, metadata in enumerate(request.jobs(), start=1):
        properties = messages.properties_of(
            batches.job_id(request.batch, number),
            batch=request.batch,
            priority=AMQP_PRIORITY[request.priority],
            at=time.time(),
        )
        yield messages.encode(metadata), properties


@contextlib.asynccontextmanager
async def _outages_told(broker: Broker, progress: Display) -> AsyncIterator[None]:
    """Tell when the broker goes and comes back, so that bars which stand still are no riddle."""

    async def watch() -> None:
        outage = Outage("the broker")
        while True:
            if line := outage.see(away=not broker.connected):
                progress.tell(line)
            await asyncio.sleep(LOOK_SECONDS)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # What matters is told in the operator's own words, by the display and at the end.
    logging.disable(logging.ERROR)
    began = time.monotonic()
    with contextlib.ExitStack() as held:
        try:
            tally = Tally(batch=_batch_id(options.batch_id), jobs=0)
            with limited(options.timeout):
                request = _request(options, tally, held)
                url = addresses.broker_url()
                if options.priority is None:
                    request = replace(request, priority=addresses.priority(request.event))
        except (BatchError, Poison, SettingError, ValueError) as error:
            return complain(str(error), BAD_INPUT)
        except NoBrokerAddress as error:
            return complain(str(error), NO_BROKER)
        except TimedOut as error:
            code = complain(f"{error}: the jobs were still being read, none was submitted", TIMED_OUT)
        else:
            tell(f"batch {request.batch}: {tally.jobs} jobs of {request.event}")
            granted, used = options.timeout, time.monotonic() - began
            code = _run(request, url, tally, granted, None if granted is None else max(0.0, granted - used))
    with output(sys.stdout):
        if options.json:
            print(json.dumps(tally.report(waited=options.wait)))
    if not options.json and options.wait and tally.submitted:
        with output(sys.stderr):
            summarize(tally)
    elif not options.json and code == DONE:
        tell(f"submitted {tally.submitted} jobs in {tally.seconds:g} s")
    return code


def _run(request: Request, url: str, tally: Tally, granted: float | None, left: float | None) -> int:
    """Carry it out in the time that is LEFT of what was GRANTED, after the jobs were checked."""
    again = f"to go on, run the same command with --batch-id {request.batch}; no job is done twice"

    async def work() -> None:
        async with asyncio.timeout(left):
            await carry_out(request, url, tally, progress)

    tally.began = time.monotonic()
    try:
        with display(tally) as progress:
            asyncio.run(work())
    except Unroutable:
        return complain(
            f"the broker has no queue {request.event}: name the event of one of the cluster's workflows",
            BAD_INPUT,
        )
    except BatchError as error:
        # Every line was well when it was checked.
        return complain(f"{error}\nthe file has changed meanwhile: {_so_far(tally)}; {again}", BAD_INPUT)
    except (BrokerDown, Rejected) as error:
        return complain(f"{error}\n{_so_far(tally)}; {again}", NO_BROKER)
    except TimeoutError:
        return complain(f"not done within {granted:g} s; the jobs go on; {again}", TIMED_OUT)
    return SOME_FAILED if tally.counts["DEAD"] or tally.counts["CANCELLED"] else DONE


def _so_far(tally: Tally) -> str:
    return f"{tally.submitted} of {tally.jobs} jobs were submitted"


def _request(options: argparse.Namespace, tally: Tally, held: contextlib.ExitStack) -> Request:
    """The batch, its jobs checked and counted; a copy of what can be read only once is held there."""
    event = Event(name=options.event).name
    common = dict(_pair(text) for text in options.metadata)
    if options.batch:
        file = held.enter_context(batches.readable(options.batch))
        name = batches.called(options.batch)
        jobs = partial(batches.from_file, file, common, options.counter, name=name)
        tally.jobs = sum(1 for _ in jobs())
    else:
        jobs = partial(batches.counted, options.jobs, common, options.counter or "Run")
        # They differ in their number only, so that one of them stands for all.
        next(jobs())
        tally.jobs = options.jobs
    priority: Priority = options.priority or "normal"
    return Request(event=event, batch=tally.batch, jobs=jobs, priority=priority, wait=options.wait)


def _batch_id(given: str | None) -> str:
    made = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    batch = made if given is None else given
    if not batches.BATCH_ID.fullmatch(batch):
        raise BatchError(f"--batch-id is {batch!r}: use up to 80 letters, digits, '_' and '-'")
    return batch


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise BatchError(f"--metadata is {text!r}: write it as KEY=VALUE")
    return key, value


def _file(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("'' is no file: give its path, or - for standard input")
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "submit",
        "Submit jobs of an OODT event to the cluster, and follow them to their end. "
        "Those that have not ended at a timeout go on.",
        "--event test-workflow --jobs 10 --metadata Dataset=abc --metadata Project=123 --wait",
        "--event test-workflow --batch jobs.csv --wait --json",
        "--event test-workflow --batch - < jobs.csv",
    )
    made.add_argument(
        "--event", type=word, required=True, help="OODT event that starts the workflow; also the queue's name"
    )
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--jobs", type=_count, metavar="N", help="submit N jobs that differ in the counter only"
    )
    source.add_argument(
        "--batch",
        type=_file,
        metavar="FILE",
        help="submit a job a line: JSON objects, or CSV with a header, in UTF-8; - is standard input",
    )
    made.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="metadata of every job; repeat it for more",
    )
    made.add_argument(
        "--counter",
        type=word,
        metavar="KEY",
        help="metadata field that numbers the jobs from 1 (with --jobs: Run)",
    )
    made.add_argument(
        "--batch-id", metavar="ID", help="name of the batch; a name used before continues that batch"
    )
    made.add_argument("--priority", choices=("normal", "high"), help="unless given, the event's own")
    made.add_argument(
        "--wait", action="store_true", help="follow the jobs until each has succeeded or failed"
    )
    return made


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 0 < count <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: use 1 to {MOST_JOBS}")
    return count


if __name__ == "__main__":
    run(main)
