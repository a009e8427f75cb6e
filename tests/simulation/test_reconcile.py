"""After any schedule all agrees; after a store was set back to less, what is named is mended."""

import asyncio
import itertools
import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from runtime import names
from runtime.cli import messageless
from runtime.cli.findings import MENDED, Findings
from runtime.cli.messageless import Suspects
from runtime.cli.places import Share
from runtime.cli.reconcile_here import compared
from runtime.messaging import messages
from runtime.oodt.file_manager import FileManager
from runtime.records import entries
from runtime.records.ledger import Ledger, message_of
from tests.simulation.container import FILE_MANAGER_URL
from tests.simulation.invariants import Watch
from tests.simulation.rabbitmq import Message
from tests.simulation.schedules import Schedule
from tests.simulation.world import CRAWL_SECONDS, EVENT, World

SEEDS = 6
MOST_SEEDS = 20  # until all has been named
# What is named when a store was set back.
NAMED = {
    "catalogue": {"incomplete", "unknown"},
    "archive": {"incomplete", "missing"},
    "queues": {"dead"},
    "ledger": {"messages", "orphans"},
}
DEAD = names.dead_queue(EVENT)


class Restored(Schedule):
    """A schedule; when it is quiet, one store loses about half of what it knows, and all is reconciled."""

    def __init__(self, seed: int, store: str) -> None:
        super().__init__(seed)
        self._draw = random.Random(f"{store} {seed}")
        self._store = store
        self.named: Counter[str] = Counter()

    async def _story(self, world: World) -> None:
        archive = world.folder / "archive"
        world.place = lambda name: str(archive / "files" / name)  # type: ignore[method-assign]
        await super()._story(world)
        world.faults.end(world)
        await settled(world)
        world.watch.check()
        assert found(await reconcile(world)) == {}
        getattr(self, f"_set_back_{self._store}")(world)
        world.watch = Watch(world)
        self.named.update(found(await reconcile(world, *set(MENDED) - {"unknown"})))
        await settled(world)
        if self._store == "ledger":
            # What had died since the copy has a message in the dead queue, and may have succeeded now.
            world.redrive()
            await settled(world)
        await reconcile(world, "unknown")
        assert found(await reconcile(world)) == {}

    def _some(self, of: list[Any]) -> list[Any]:
        return [each for each in of if self._draw.random() < 0.5]

    def _set_back_catalogue(self, world: World) -> None:
        for product in self._some(list(world.file_manager.catalogue)):
            del world.file_manager.catalogue[product]

    def _set_back_archive(self, world: World) -> None:
        for file in self._some(list(world.file_manager.archive)):
            del world.file_manager.archive[file]

    def _set_back_queues(self, world: World) -> None:
        queue = world.rabbitmq.queues[DEAD]
        for message in self._some(list(queue.ready)):
            if message_of(entries.read_all(world.ledger / EVENT / job_of(message))):
                queue.ready.remove(message)

    def _set_back_ledger(self, world: World) -> None:
        for folder in self._some(sorted((world.ledger / EVENT).glob("[!.]*"))):
            history = entries.read_all(folder)
            if message_of(history) is None:
                continue
            for number in range(self._draw.randint(1, len(history)) + 1, len(history) + 1):
                entries.path(folder, number).unlink()
            for path in folder.glob("*.json"):
                os.utime(path, (0, 0))


def job_of(message: Message) -> str:
    return messages.job_id(EVENT, message.properties, message.body)


async def settled(world: World) -> None:
    await asyncio.sleep(1)
    await world.until_settled()
    await asyncio.sleep(CRAWL_SECONDS)


async def reconcile(world: World, *mend: str) -> Findings:
    """What the command does, with the simulated broker in place of a connection to a real one."""
    findings = Findings(mend=frozenset(mend))
    archive = world.folder / "archive"
    shutil.rmtree(archive, ignore_errors=True)
    (archive / "files").mkdir(parents=True)
    for file in world.file_manager.archive:
        Path(file).touch()
    share = Share(archive=archive, jobs=world.folder, ledger=world.ledger)
    ledger = Ledger(world.ledger, node="reconcile", lease=world.lease)
    suspects: Suspects = await compared(
        share, ledger, FileManager(cast(Any, None), FILE_MANAGER_URL), findings
    )
    for message in world.rabbitmq.queues[DEAD].messages:
        suspects.dead.get(EVENT, {}).pop(job_of(message), None)
    messageless._decide(cast(BlockingChannel, Sending(world)), ledger, suspects, findings, {EVENT})
    return findings


class Sending:
    """The channel by which messages are sent."""

    def __init__(self, world: World) -> None:
        self._world = world

    def basic_publish(
        self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties, *, mandatory: bool
    ) -> None:
        self._world.note(f"operator: sends {properties.message_id} to {key} again")
        self._world.rabbitmq.route(exchange, key, body, properties)


def found(findings: Findings) -> dict[str, int]:
    return {name: kind.found for name, kind in findings.kinds.items() if kind.found}


@pytest.mark.parametrize("store", [*NAMED])
def test_all_agrees_again_after_a_store_has_lost_what_it_knew(store: str) -> None:
    named: Counter[str] = Counter()
    seeds = itertools.count()
    while (seed := next(seeds)) < SEEDS or not named.keys() >= NAMED[store]:
        assert seed < MOST_SEEDS, named
        schedule = Restored(seed, store)
        try:
            schedule.run()
        except Exception as error:
            raise AssertionError(f"{schedule.world.told()}\nseed {seed}: {error!r}") from error
        named += schedule.named
