"""Publishes a batch of jobs, and follows them by the workers' announcements until each has ended."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from runtime import names
from runtime.cli import batches, stack
from runtime.cli.display import Display
from runtime.cli.progress import BatchProgress
from runtime.cli.results import CliError
from runtime.cli.status_client import status_client
from runtime.cli.waiting import Outage
from runtime.environment import SettingError
from runtime.messaging import messages
from runtime.messaging.announcements import RESULT, StateChange, Submission, announce, decode
from runtime.messaging.broker import Broker, BrokerDown, Message
from runtime.messaging.event import AMQP_PRIORITY, Priority
from runtime.messaging.messages import Metadata
from runtime.messaging.session import Delivery, Rejected
from runtime.messaging.topology import follower_topology
from runtime.outcome import from_fields

CONNECT_SECONDS = 15.0
CONFIRM_SECONDS = 120.0
# Messages that were sent to the broker and are not confirmed yet.
WINDOW = 2000
ANNOUNCEMENTS_AT_ONCE = 500
LOOK_SECONDS = 1.0
LAST_WORD_SECONDS = 2.0
# After this time without an announcement, the status service is asked whether some were missed.
QUIET_SECONDS = 30.0
PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Request:
    """A batch to submit. Each call of ``jobs`` gives the stream of its jobs from the start."""

    event: str
    batch: str
    jobs: Callable[[], Iterator[Metadata]]
    priority: Priority
    wait: bool


async def submit(request: Request, url: str, progress: BatchProgress, shown: Display) -> None:
    """Submit the batch, and follow it to its end if it says so; raises BrokerDown, Unroutable, Rejected."""
    follower = f"{request.batch}.{secrets.token_hex(4)}"
    topology = follower_topology(request.event, follower) if request.wait else None
    async with Broker(url, name=f"submit {request.batch}", topology=topology) as broker:
        await broker.wait_connected(stack.stretched(CONNECT_SECONDS))
        async with _outages_told(broker, shown):
            if topology is None:
                await _publish(broker, request, progress, shown)
            else:
                await _publish_and_wait(broker, request, topology.queues[0].name, progress, shown)


async def _publish_and_wait(
    broker: Broker, request: Request, queue: str, progress: BatchProgress, shown: Display
) -> None:
    complete = asyncio.Event()

    def on_delivery(delivery: Delivery) -> None:
        # Anybody can publish there. What is not an announcement says nothing of this batch.
        with contextlib.suppress(ValueError):
            change = decode(delivery.body)
            if isinstance(change, StateChange) and change.batch == request.batch:
                progress.add(change)
                shown.show(progress)
        if progress.complete:
            complete.set()
        delivery.ack()

    # The queue is there before the first job is. It goes if nobody consumes it for some minutes.
    await broker.consume(queue, prefetch=ANNOUNCEMENTS_AT_ONCE, handler=on_delivery)
    try:
        await _publish(broker, request, progress, shown)
        while not complete.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIET_SECONDS):
                    await complete.wait()
            if not complete.is_set() and not progress.changed_within(QUIET_SECONDS):
                await _catch_up(request, progress)
                shown.show(progress)
                if progress.complete:
                    complete.set()
    finally:
        await broker.delete(queue)


async def _catch_up(request: Request, progress: BatchProgress) -> None:
    """Ask the status service which announcements were missed, as by a machine that was asleep for an hour.

    It is no error if there is no status service: announcements may still come.
    """
    with contextlib.suppress(CliError, SettingError):
        client = await asyncio.to_thread(status_client)
        batch = await asyncio.to_thread(client.batch, request.batch, request.event)
        if batch["ended"] == progress.ended:
            return
        before: int | None = None
        while jobs := await asyncio.to_thread(
            client.jobs, limit=PAGE, batch=request.batch, event=request.event, before=before
        ):
            for change in filter(None, map(_change, jobs)):
                progress.add(change)
            before = jobs[-1]["number"]


def _change(job: dict[str, Any]) -> StateChange | None:
    """What would have been announced of a job in the history; None of one that is queued."""
    if job["state"] == "QUEUED":
        return None
    result = RESULT.get(job["state"])
    return StateChange(
        job=job["job"],
        event=job["event"],
        batch=job["batch"],
        state=job["state"],
        run=job["run"],
        attempts=job["attempts"],
        node=job["node"] or "",
        outcome=from_fields(result, job) if result else None,
    )


async def _publish(broker: Broker, request: Request, progress: BatchProgress, shown: Display) -> None:
    batch = Submission(batch=request.batch, event=request.event, jobs=progress.jobs)

    def confirmed(number: int) -> None:
        progress.submitted += number
        shown.show(progress)

    await announce(broker, batch, seconds=CONFIRM_SECONDS)
    try:
        await broker.publish_each(
            names.EXCHANGE,
            request.event,
            _messages(request),
            at_once=WINDOW,
            seconds=CONFIRM_SECONDS,
            confirmed=confirmed,
        )
    except BaseException:
        # The number of jobs that were sent is announced even after Ctrl-C: the status service needs it.
        with contextlib.suppress(TimeoutError, BrokerDown, Rejected):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await announce(broker, replace(batch, submitted=progress.submitted))
        raise
    await announce(broker, replace(batch, submitted=progress.submitted), seconds=CONFIRM_SECONDS)


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
async def _outages_told(broker: Broker, shown: Display) -> AsyncIterator[None]:
    """Tell when the broker goes away or takes no message: it explains bars that stand still."""

    async def watch() -> None:
        outage = Outage("the broker")
        while True:
            blocked = f"lets nobody publish ({broker.blocked})" if broker.blocked else "cannot be reached"
            if line := outage.update(reachable=broker.connected and not broker.blocked, trouble=blocked):
                shown.tell(line)
            await asyncio.sleep(LOOK_SECONDS)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
