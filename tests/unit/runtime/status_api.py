"""The status service's HTTP side with any history, in a thread of the test."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast

from starlette.types import ASGIApp

from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.event import Event
from runtime.oodt.file_manager import FileManager
from runtime.records.ledger import Ledger
from runtime.records.pauses import Pauses
from runtime.records.story import Stories
from runtime.status_service import server
from runtime.status_service.access import Access
from runtime.status_service.alarms import Alarms
from runtime.status_service.app import application
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.changes import Changes
from runtime.status_service.disks import Disks
from runtime.status_service.live import Live
from runtime.status_service.management import Management, Snapshot
from runtime.status_service.numbers import Numbers
from runtime.status_service.operations import Operations
from runtime.status_service.parts import Parts
from runtime.status_service.paused import PausedEvents
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch
from runtime.status_service.workflows import Workflows

START_SECONDS = 10
LOOK_TOKEN = "looks only"


class ManagementOfNothing:
    """The broker's management, of a broker without queues."""

    async def snapshot(self) -> Snapshot:
        return Snapshot(queues=(), nodes=())


class NoBroker:
    """A broker that is out of reach."""

    connected = False

    async def depth(self, queue: str) -> int | None:
        raise BrokerDown(f"no connection, so nothing is known of {queue}")


def parts(store: Store | None, token: str, share: Path = Path("/nonexistent")) -> Parts:
    """Of a service that has a history and no broker."""
    changes = cast(Changes, None)
    swarm = SwarmWatch(cast(Broker, None), changes)
    broker, management = cast(Broker, NoBroker()), cast(Management, ManagementOfNothing())
    ledger = Ledger(share / "ledger", node="status", lease=30)
    numbers = Numbers(cast(Store, store), broker, management)
    alarms = Alarms(share / "alarms.json")
    pauses = Pauses(share / "ledger")
    return Parts(
        access=Access(act=token, look=LOOK_TOKEN),
        store=cast(Store, store),
        broker=broker,
        management=management,
        numbers=numbers,
        cancellation=cast(Cancellation, None),
        stories=Stories(ledger, share / "jobs"),
        ledger=ledger,
        live=Live(numbers, alarms),
        archive=share / "archive",
        disks=Disks({}),
        alarms=alarms,
        paused=PausedEvents(pauses),
        swarm=swarm,
        changes=changes,
        operations=Operations(
            broker_url="amqp://nobody:x@127.0.0.1:9/%2F",
            ledger=ledger,
            pauses=pauses,
            store=cast(Store, store),
            changes=changes,
            swarm=swarm,
            file_manager=cast(FileManager, None),
        ),
        workflows=Workflows(share / "workflows", [Event(name="e", job_timeout=7200)]),
    )


@contextlib.contextmanager
def served(parts: Parts) -> Iterator[int]:
    """The port on which it answers."""
    with answering(application(parts), parts.live.end) as port:
        yield port


@contextlib.contextmanager
def answering(app: ASGIApp, end_streams: Callable[[], Awaitable[None]]) -> Iterator[int]:
    """The port on which the application answers."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with server.listen(0) as listening:
        work = server.serve(app, listening, stop, end_streams)
        serving = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            yield listening.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(stop.set)
            serving.result(START_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(START_SECONDS)
            loop.close()
