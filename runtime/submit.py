"""The operator's command that submits a batch of jobs and, with --wait, follows it to its end."""

import asyncio
import contextlib
import logging
import secrets
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

from runtime.cli import addresses, batch_cost, batches
from runtime.cli.batches import BatchError
from runtime.cli.command import Command, event, exit_with, take_over_timeout, word
from runtime.cli.display import display, summarize
from runtime.cli.progress import BatchProgress
from runtime.cli.results import (
    DONE,
    SOME_FAILED,
    TIMED_OUT,
    BadInput,
    BadUsage,
    CliError,
    NoBroker,
    Result,
    TimedOut,
)
from runtime.cli.submission import Request, submit
from runtime.cli.terminal import output, tell
from runtime.messaging.broker import BrokerDown
from runtime.messaging.messages import Poison
from runtime.messaging.session import Rejected, Unroutable

# More are a mistake, and the history's database has numbers of 64 bits.
MOST_JOBS = 1_000_000_000


def _run(options: Namespace) -> Result:
    # The display and the result tell what matters. The broker's log would repeat it.
    logging.disable(logging.ERROR)
    if options.dry_run and options.wait:
        raise BadUsage("--dry-run submits nothing that --wait could follow")
    progress = BatchProgress(batch=_batch_id(options.batch_id), jobs=0)
    with contextlib.ExitStack() as held:
        try:
            request = _request(options, progress, held)
            if options.dry_run:
                return _only_checked(request.event, progress.jobs)
            url = addresses.broker_url()
            if options.priority is None:
                request = replace(request, priority=addresses.priority(request.event))
            left = take_over_timeout()
        except TimedOut as error:
            raise TimedOut(
                f"{error}: the jobs were still being read, none was submitted",
                result=_result(progress, options, TIMED_OUT),
            ) from None
        tell(f"batch {request.batch}: {progress.jobs} jobs of {request.event}")
        try:
            _submit(request, url, progress, granted=options.timeout, left=left)
        except CliError as error:
            error.result = _result(progress, options, error.code)
            raise
    some_failed = progress.counts["DEAD"] or progress.counts["CANCELLED"]
    return _result(progress, options, SOME_FAILED if some_failed else DONE)


def _only_checked(event: str, jobs: int) -> Result:
    cost = batch_cost.reckon(event, jobs)

    def show() -> None:
        print(f"{jobs} jobs of {event}: checked, none submitted")
        for line in [f"cost: {cost}"] if isinstance(cost, str) else cost.lines():
            print(line)

    known = None if isinstance(cost, str) else cost.as_json()
    answer = {"event": event, "jobs": jobs, "submitted": 0, "cost": known}
    return Result(answer=answer, show=show)


def _result(progress: BatchProgress, options: Namespace, code: int) -> Result:
    def show() -> None:
        if options.wait and progress.submitted:
            with output(sys.stderr):
                summarize(progress)
        elif code == DONE:
            tell(f"submitted {progress.submitted} jobs in {progress.seconds:g} s")

    return Result(answer=progress.report(waited=options.wait), show=show, code=code)


def _submit(
    request: Request, url: str, progress: BatchProgress, *, granted: float | None, left: float | None
) -> None:
    """Carry it out in the time that is LEFT of what was GRANTED; raises CliError."""
    again = f"to go on, run the same command with --batch-id {request.batch}; no job is done twice"

    def so_far() -> str:
        return f"{progress.submitted} of {progress.jobs} jobs were submitted; {again}"

    async def work() -> None:
        async with asyncio.timeout(left):
            await submit(request, url, progress, shown)

    progress.began = time.monotonic()
    try:
        with display(progress) as shown:
            asyncio.run(work())
    except Unroutable:
        raise BadInput(
            f"the broker has no queue {request.event}: name the event of one of the cluster's workflows"
        ) from None
    except BatchError as error:
        # Every line was good when it was checked.
        raise BadInput(f"{error}\nthe file has changed meanwhile: {so_far()}") from error
    except (BrokerDown, Rejected) as error:
        raise NoBroker(f"{error}\n{so_far()}") from error
    except TimeoutError:
        raise TimedOut(f"not done within {granted:g} s; the jobs go on; {again}") from None


def _request(options: Namespace, progress: BatchProgress, held: contextlib.ExitStack) -> Request:
    """The batch, its jobs checked and counted; HELD keeps the copy of a stream. Raises BadInput."""
    try:
        common = batches.pairs(options.metadata)
        if options.batch:
            file = held.enter_context(batches.readable(options.batch))
            name = batches.called(options.batch)
            jobs = partial(batches.from_file, file, common, options.counter, name=name)
            progress.jobs = sum(1 for _ in jobs())
        else:
            jobs = partial(batches.counted, options.jobs, common, options.counter or "Run")
            # They differ in their number only, so that one of them stands for all.
            next(jobs())
            progress.jobs = options.jobs
    except Poison as error:
        raise BadInput(str(error)) from error
    return Request(
        event=options.event,
        batch=progress.batch,
        jobs=jobs,
        priority=options.priority or "normal",
        wait=options.wait,
    )


def _batch_id(given: str | None) -> str:
    made = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    batch = made if given is None else given
    if not batches.BATCH_ID.fullmatch(batch):
        raise BatchError(f"--batch-id is {batch!r}: use up to 80 letters, digits, '_' and '-'")
    return batch


def _file(text: str) -> Path:
    if not text:
        raise ArgumentTypeError("'' is no file: give its path, or - for standard input")
    return Path(text)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--event",
        type=event,
        required=True,
        help="OODT event that starts the workflow; also the queue's name",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--jobs", type=_count, metavar="N", help="submit N jobs that differ in the counter only"
    )
    source.add_argument(
        "--batch",
        type=_file,
        metavar="FILE",
        help="submit a job a line: JSON objects, or CSV with a header, in UTF-8; - is standard input",
    )
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="metadata of every job; repeat it for more",
    )
    parser.add_argument(
        "--counter",
        type=word,
        metavar="KEY",
        help="metadata field that numbers the jobs from 1 (with --jobs: Run)",
    )
    parser.add_argument(
        "--batch-id", metavar="ID", help="name of the batch; a name used before continues that batch"
    )
    parser.add_argument("--priority", choices=("normal", "high"), help="unless given, the event's own")
    parser.add_argument("--wait", action="store_true", help="follow the jobs until each has ended")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only check the jobs, and say what the batch will cost on target aws",
    )


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 0 < count <= MOST_JOBS:
        raise ArgumentTypeError(f"{text!r} is not a number of jobs: use 1 to {MOST_JOBS}")
    return count


COMMAND = Command(
    name="submit",
    description="Submit jobs of an OODT event to the cluster, and follow them to their end. "
    "Those that have not ended at a timeout go on.",
    examples=(
        "--event test-workflow --jobs 10 --metadata Dataset=abc --metadata Project=123 --wait",
        "--event test-workflow --batch jobs.csv --wait --json",
        "--event test-workflow --batch - < jobs.csv",
        "--event test-workflow --batch jobs.csv --dry-run",
    ),
    add_options=_add_options,
    run=_run,
)

if __name__ == "__main__":
    exit_with(COMMAND.main)
