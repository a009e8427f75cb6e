"""What operators do by the API: each is carried out, and recorded with who did it and when."""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import pika.exceptions

from runtime import names
from runtime.actions import products
from runtime.actions.edits import Edit
from runtime.actions.products import Deleted
from runtime.actions.redrive import Choice, Report, action_of, counted, look, redrive
from runtime.messaging.announcements import Touched
from runtime.messaging.blocking import FAILURES, description
from runtime.messaging.broker import BrokerDown
from runtime.messaging.dead_queue import Taken
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.records.ledger import Ledger
from runtime.records.pauses import Pauses
from runtime.status_service.changes import Change, Changes, change_of
from runtime.status_service.errors import Refused
from runtime.status_service.store import Store
from runtime.status_service.swarm import SwarmWatch

# They may wait a minute for their turn, and all else that blocks shares a few threads.
REDRIVES = ThreadPoolExecutor(thread_name_prefix="redrive")
# A request to delete takes so long at most. What is left goes with the next one.
DELETE_SECONDS = 15.0


async def _in_turn(work: Callable[..., None], *about: object, **how: object) -> None:
    await asyncio.get_running_loop().run_in_executor(REDRIVES, partial(work, *about, **how))


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Everything that they need."""

    broker_url: str
    ledger: Ledger
    pauses: Pauses
    store: Store
    changes: Changes
    swarm: SwarmWatch
    file_manager: FileManager
    # Of each event: whose turn it is to look through its dead jobs, and what was found until now.
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    looking: dict[str, Report] = field(default_factory=dict)

    async def redrive(
        self, event: str, choice: Choice, edit: Edit | None, *, who: str, really: bool
    ) -> Report:
        """Put dead jobs back, or only look which ones fit; raises Refused, BrokerDown."""
        report = Report(event=event)
        async with self.turns[event]:
            self.looking[event] = report
            try:
                await self._carry_out(report, choice, edit, who=who, really=really)
            finally:
                del self.looking[event]
        return report

    async def _carry_out(
        self, report: Report, choice: Choice, edit: Edit | None, *, who: str, really: bool
    ) -> None:
        try:
            if really:
                await _in_turn(redrive, self.broker_url, choice, report, edit=edit, who=who)
            else:
                await _in_turn(look, self.broker_url, choice, report)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code == 404:
                raise Refused(404, f"the broker has no queue {names.dead_queue(report.event)}") from error
            raise BrokerDown(f"the broker refused: {error.reply_text}") from error
        except Taken as error:
            raise Refused(409, str(error)) from error
        except FAILURES as error:
            problem = f"no broker at {description(self.broker_url, error)}"
            if really and report.redriven:
                problem += f"; {counted(report)} queued again: the rest is still dead"
                # The broker has not got the word of it.
                change = change_of(action_of(report, edit=edit, who=who))
                await asyncio.to_thread(self.changes.add, [change])
            raise BrokerDown(problem) from error

    def dead_messages(self, event: str) -> int | None:
        """The messages of dead jobs while they are looked through: the broker counts fewer then."""
        report = self.looking.get(event)
        return report.messages - report.moved if report and report.messages else None

    async def pause(self, event: str, *, who: str) -> bool:
        """Let no worker take jobs of the event; false if it was paused before."""
        changed = await asyncio.to_thread(self.pauses.pause, event, who=who)
        if changed:
            await self.record("pause", f"no worker takes jobs of {event}", who=who, event=event)
        return changed

    async def resume(self, event: str, *, who: str) -> bool:
        """Let workers take jobs of the event again; false if it was not paused."""
        changed = await asyncio.to_thread(self.pauses.resume, event)
        if changed:
            await self.record("resume", f"workers take jobs of {event} again", who=who, event=event)
        return changed

    async def set_availability(self, node: str, availability: str, *, who: str) -> None:
        """Drain a node, or let it in again; raises Refused, SwarmAway, BrokerDown."""
        answer = await self.swarm.wish(node, availability)
        if answer.problem:
            raise Refused(400, answer.problem)
        action = "drain" if availability == "drain" else "undrain"
        await self.record(action, f"node {node}: {availability}", who=who)

    async def delete(
        self, event: str, jobs: Sequence[tuple[str, str | None]], *, who: str, really: bool
    ) -> Deleted:
        """Delete the products of these jobs, each with its batch, or only count them; raises OSError."""
        named = [(event, job, batch) for job, batch in jobs]
        try:
            deleted = await products.delete(
                self.ledger, self.file_manager, named, really=really, seconds=DELETE_SECONDS
            )
        except xml_rpc.Fault as error:
            raise ConnectionError(f"the File Manager refuses: {error.faultString}") from error
        if really and deleted.jobs:
            touched = [each.job for each in deleted.jobs]
            await asyncio.to_thread(self.store.forget_products, event, touched)
            what = f"{deleted.products} products of {len(touched)} jobs deleted"
            await self.record("delete", what, who=who, event=event, jobs=deleted.jobs)
        return deleted

    async def record(
        self,
        action: str,
        what: str,
        *,
        who: str,
        event: str | None = None,
        batch: str | None = None,
        jobs: Sequence[Touched] = (),
    ) -> None:
        """Remember who did this, and when."""
        batches = {touched.batch for touched in jobs} or {batch}
        change = Change(
            at=time.time(),
            kind="action",
            subject=action,
            what=what,
            who=who,
            event=event,
            batch=batches.pop() if len(batches) == 1 else None,
            key=f"action {uuid.uuid4().hex}",
            jobs=tuple(jobs),
        )
        await asyncio.to_thread(self.changes.add, [change])
