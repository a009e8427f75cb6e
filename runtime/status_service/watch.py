"""Looks whether an alarm has to begin or end, and sends the messages about it to a webhook, if any."""

import asyncio
import logging
import sqlite3
import time

import aiohttp

from runtime.status_service.alarms import Alarms
from runtime.status_service.conditions import DEATHS_SECONDS, Facts
from runtime.status_service.disks import Disks
from runtime.status_service.numbers import Numbers
from runtime.status_service.paused import PausedEvents
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
ANSWER_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0


class Watch:
    """The alarms of a running service. WEBHOOK is a secret: no log has it."""

    def __init__(
        self,
        alarms: Alarms,
        *,
        client: aiohttp.ClientSession,
        webhook: str,
        numbers: Numbers,
        store: Store,
        disks: Disks,
        swarm: SwarmWatch,
        paused: PausedEvents,
    ) -> None:
        self._alarms = alarms
        self._client = client
        self._webhook = webhook
        self._numbers = numbers
        self._store = store
        self._disks = disks
        self._swarm = swarm
        self._paused = paused
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Look and send until the task is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_again_and_again())
            if self._webhook:
                group.create_task(self._send())

    async def _look_again_and_again(self) -> None:
        while True:
            try:
                await self._look()
            except (OSError, sqlite3.Error) as error:
                log.error("it is not known which alarms hold: %s", error)
            self._changed.set()
            await asyncio.sleep(EVERY_SECONDS)

    async def _look(self) -> None:
        now = await self._numbers.now()
        deaths = await asyncio.to_thread(self._store.deaths, time.time() - DEATHS_SECONDS)
        disks, paused = await asyncio.gather(self._disks.look(), self._paused.look())
        facts = Facts(
            snapshot=now.snapshot,
            deaths=deaths,
            disks=disks,
            nodes=self._swarm.nodes(),
            aging=self._swarm.aging(),
            paused=paused.events,
        )
        await asyncio.to_thread(
            self._alarms.update,
            facts.holding(),
            at=time.time(),
            unknown=facts.leave_open,
            tell=bool(self._webhook),
        )

    async def _send(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            message = self._alarms.next()
            if message is None:
                await self._changed.wait()
                self._changed.clear()
                continue
            delivery = asyncio.create_task(self._deliver(message))
            try:
                problem = await asyncio.shield(delivery)
            except asyncio.CancelledError:
                # The receiver may have it already. Then it is noted, or it would come again after a restart.
                await delivery
                raise
            if problem is None:
                pause = FIRST_PAUSE_SECONDS
                continue
            log.warning("the alarms' webhook does not take a message (%s); again in %g s", problem, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _deliver(self, message: dict[str, object]) -> str | None:
        problem = await self._post(message)
        if problem is None:
            try:
                await asyncio.to_thread(self._alarms.delivered, message)
            except OSError as error:
                log.error("after a restart an alarm's message will be sent again: %s", error)
        return problem

    async def _post(self, message: dict[str, object]) -> str | None:
        """None if the receiver has the message; what is wrong, without the address."""
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        try:
            async with self._client.post(
                self._webhook, json=message, timeout=limit, allow_redirects=False
            ) as answer:
                return None if answer.status < 300 else f"HTTP status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return type(error).__name__
