"""Publishes a batch of jobs, and follows them by the workers' announcements until each has ended."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace

from runtime import names
from runtime.cli import batches
from runtime.cli.display import Display
from runtime.cli.progress import BatchProgress
from runtime.cli.waiting import Outage
from runtime.messaging import messages
from runtime.messaging.announcements import StateChange, Submission, announce, decode
from runtime.messaging.broker import Broker, Message
from runtime.messaging.event import AMQP_PRIORITY, Priority
from runtime.messaging.messages import Metadata
from runtime.messaging.session import Delivery
from runtime.messaging.topology import follower_topology

CONNECT_SECONDS = 15.0
CONFIRM_SECONDS = 120.0
# Messages that were sent to the broker and are not confirmed yet.
WINDOW = 2000
ANNOUNCEMENTS_AT_ONCE = 500
LOOK_SECONDS = 1.0


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
        await broker.wait_connected(CONNECT_SECONDS)
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

    # The queue is there before the first job is, so no state change is missed.
    await broker.consume(queue, prefetch=ANNOUNCEMENTS_AT_ONCE, handler=on_delivery)
    try:
        await _publish(broker, request, progress, shown)
        await complete.wait()
    finally:
        await broker.delete(queue)


async def _publish(broker: Broker, request: Request, progress: BatchProgress, shown: Display) -> None:
    batch = Submission(batch=request.batch, event=request.event, jobs=progress.jobs)

    def confirmed(number: int) -> None:
        progress.submitted += number
        shown.show(progress)

    await announce(broker, batch)
    await broker.publish_each(
        names.EXCHANGE,
        request.event,
        _messages(request),
        at_once=WINDOW,
        seconds=CONFIRM_SECONDS,
        confirmed=confirmed,
    )
    await announce(broker, replace(batch, submitted=progress.submitted))


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
    """Tell when the broker goes away and comes back: it explains bars that stand still."""

    async def watch() -> None:
        outage = Outage("the broker")
        while True:
            if line := outage.update(reachable=broker.connected):
                shown.tell(line)
            await asyncio.sleep(LOOK_SECONDS)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
