"""The status service: ``python -m runtime.status_service``."""

import asyncio
import contextlib
import gc
import logging
import sqlite3
import sys

import aiohttp

from runtime import names
from runtime.messaging.broker import Broker
from runtime.messaging.topology import FACTS_QUEUE, facts_topology, status_topology
from runtime.oodt.file_manager import FileManager
from runtime.process import run_process
from runtime.records.ledger import Ledger
from runtime.records.pauses import Pauses
from runtime.records.story import Stories
from runtime.status_service import server
from runtime.status_service.access import Access
from runtime.status_service.alarms import Alarms
from runtime.status_service.app import application
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.changes import Changes
from runtime.status_service.disks import HISTORY, SHARE, Disks
from runtime.status_service.lines import Sampler
from runtime.status_service.live import Live
from runtime.status_service.management import Management
from runtime.status_service.numbers import Numbers
from runtime.status_service.opening import Opening
from runtime.status_service.operations import Operations
from runtime.status_service.parts import Parts
from runtime.status_service.paused import PausedEvents
from runtime.status_service.recorder import Recorder
from runtime.status_service.schema import Unreadable
from runtime.status_service.settings import StatusSettings, status_settings
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch
from runtime.status_service.watch import Watch
from runtime.status_service.workflows import Workflows

log = logging.getLogger(__name__)


async def serve(settings: StatusSettings, stop: asyncio.Event) -> None:
    """Keep the history and answer questions until STOP is set."""
    with server.listen(settings.port) as listening:
        log.info("answering on port %d, history in %s", settings.port, settings.database)
        opening = Opening()
        serving = asyncio.create_task(server.serve(opening, listening, stop, opening.end_streams))
        try:
            await _work(settings, stop, opening, serving)
        finally:
            stop.set()
            await serving


async def _work(
    settings: StatusSettings, stop: asyncio.Event, opening: Opening, serving: asyncio.Task[None]
) -> None:
    """Open the history, and do all that the service does until SERVING has ended."""
    store = await asyncio.to_thread(Store, settings.database, keep=settings.keep, tell=opening.tell)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        broker = await stack.enter_async_context(
            Broker(settings.broker_url, name=names.STATUS_SERVICE, topology=status_topology())
        )
        facts = await stack.enter_async_context(
            Broker(
                settings.broker_url,
                name=f"{names.STATUS_SERVICE} facts",
                topology=facts_topology(FACTS_QUEUE),
            )
        )
        changes = await asyncio.to_thread(Changes, settings.database)
        stack.callback(changes.close)
        swarm = SwarmWatch(facts, changes)
        ledger = Ledger(settings.ledger, node=names.STATUS_SERVICE, lease=names.DEFAULT_LEASE_SECONDS)
        cancellation = Cancellation(ledger, store, broker)
        management = Management(client, settings.management_url, settings.broker_url)
        file_manager = FileManager(client, settings.filemgr_url)
        pauses = Pauses(settings.ledger)
        operations = Operations(
            broker_url=settings.broker_url,
            ledger=ledger,
            pauses=pauses,
            store=store,
            changes=changes,
            swarm=swarm,
            file_manager=file_manager,
        )
        recorder = Recorder(broker, store, cancellation.cancel_late)
        numbers = Numbers(
            store,
            broker,
            management,
            dead_messages=operations.dead_messages,
            not_recorded=recorder.not_recorded,
        )
        disks = Disks({SHARE: settings.ledger, HISTORY: settings.database.parent}, file_manager)
        alarms = await asyncio.to_thread(Alarms, settings.alarms)
        live = Live(numbers, alarms)
        paused = PausedEvents(pauses)
        watch = Watch(
            alarms,
            client=client,
            webhook=settings.alarm_webhook,
            numbers=numbers,
            store=store,
            disks=disks,
            swarm=swarm,
            paused=paused,
        )
        parts = Parts(
            access=Access(act=settings.token, look=settings.look_token),
            store=store,
            broker=broker,
            management=management,
            numbers=numbers,
            ledger=ledger,
            live=live,
            archive=settings.archive,
            cancellation=cancellation,
            stories=Stories(ledger, settings.jobs),
            disks=disks,
            alarms=alarms,
            paused=paused,
            swarm=swarm,
            changes=changes,
            operations=operations,
            workflows=Workflows(settings.workflows, settings.events),
        )
        tasks = [
            asyncio.create_task(work)
            for work in (
                recorder.run(),
                Sampler(numbers, store).run(),
                live.run(),
                swarm.run(),
                watch.run(),
            )
        ]
        for task in tasks:
            # It ends by an error only. Then a restart is better than answers from an old history.
            task.add_done_callback(lambda _: stop.set())
        stack.push_async_callback(_end, tasks)
        app = application(parts, assets=settings.assets)
        # What is there now stays. To look through it for garbage takes 50 ms, in which nobody gets an answer.
        gc.freeze()
        opening.open(app, live.end)
        await serving


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """End them; raises what one of them has ended by."""
    ended = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in ended:
        task.result()


def main() -> int:
    try:
        return run_process("status", serve, status_settings)
    except (sqlite3.Error, Unreadable, OSError) as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
