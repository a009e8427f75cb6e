"""What comes into this container: messages, runs that an earlier process left, and the order to stop.

A message is acknowledged after the job's verdict is in the ledger, never before: whatever dies, the message
is still there.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

from runtime import json_log, names
from runtime.messaging import messages
from runtime.messaging.event import Event
from runtime.messaging.messages import Job, Poison
from runtime.messaging.session import Delivery
from runtime.messaging.topology import MOST_RETURNS
from runtime.records.journal import Journal, Journals
from runtime.records.ledger import Ledger
from runtime.worker import metrics
from runtime.worker.course import Course
from runtime.worker.reports import Reports
from runtime.worker.runner import Runner
from runtime.worker.slots import Slot, Slots
from runtime.worker.work import Received, Work

log = logging.getLogger(__name__)

WORKER_ERROR = "an error of the worker, see its log"
# A message comes for a slot that is free, unless a task that cannot be stopped holds it. Then another worker
# may have one.
SLOT_SECONDS = 30.0
CLEAR_PAUSE_SECONDS = 30.0
# After an error of the share a slot stays empty for so long. It would be the same with the next job, and all
# jobs that wait would go round, with some lines in the log each.
SHARE_PAUSE_SECONDS = 5.0


class Intake:
    """Begins one Work for each job, gets it a slot, and adds further messages of the job to it."""

    def __init__(
        self,
        events: Sequence[Event],
        *,
        course: Course,
        runner: Runner,
        reports: Reports,
        ledger: Ledger,
        journals: Journals,
    ) -> None:
        self._events = {event.name for event in events}
        self._slots = Slots(events)
        self._course = course
        self._runner = runner
        self._reports = reports
        self._ledger = ledger
        self._journals = journals
        self._works: dict[tuple[str, str], Work] = {}  # by the job's key
        self._tasks: dict[asyncio.Task[None], Work | None] = {}
        self._draining = False

    def take(self, delivery: Delivery) -> None:
        """Take a message: begin its job, or add it to the job that this container has already."""
        if self._draining:
            delivery.requeue()
            return
        job = self._decoded(delivery, delivery.queue)
        if job is None:
            return
        received = Received(job=job, delivery=delivery)
        work = self._works.get(job.key)
        if _is_another(work, job):
            another = Work(job=job, received=[received], begun=True)
            self._spawn(self._reports.renamed(received), another)
        elif work and not work.closed and work.job.digest not in {"", job.digest}:
            # Whose id it is, the ledger knows once one of the two has run.
            another = Work(job=job, received=[received], begun=True)
            self._spawn(self._reports.deferred(another, "its id is that of a job in hand"), another)
        elif messages.returns_of(delivery.properties) >= MOST_RETURNS:
            another = Work(job=job, received=[received], begun=True)
            self._spawn(self._reports.deferred(another, "its message was returned too often"), another)
        elif work and not work.closed:
            work.received.append(received)
        else:
            self._begin(Work(job=job, received=[received]), self._course.process)

    def take_dead_letter(self, delivery: Delivery) -> None:
        """Take a message that the broker has dead-lettered. Its job can only be recorded as dead."""
        event = next(name for name in self._events if names.dead_letter_queue(name) == delivery.queue)
        job = self._decoded(delivery, event)
        if job is None:
            return
        work = Work(job=job, received=[Received(job=job, delivery=delivery)], begun=True)
        why = messages.dead_letter_reason(delivery.properties)
        self._spawn(self._guarded(work, partial(self._course.give_up, why=why)), work)

    def _decoded(self, delivery: Delivery, event: str) -> Job | None:
        """The job of a message. None for a poison message, which is then reported."""
        about = (event, delivery.properties, delivery.body)
        try:
            return messages.decode(*about, redelivered=delivery.redelivered)
        except Poison as error:
            job = messages.identified(*about, redelivered=delivery.redelivered)
            work = Work(job=job, received=[Received(job=job, delivery=delivery)], begun=True)
            self._spawn(self._guarded(work, partial(self._course.refuse, reason=str(error))), work)
            return None

    async def adopt(self) -> None:
        """Go on with runs that an earlier process of this container left; before any message is taken."""
        for journal in self._journals:
            opening = journal.opening
            if opening is None or opening["event"] not in self._events:
                continue
            job = Job(
                id=opening["job"],
                event=opening["event"],
                metadata={},
                batch=opening["batch"],
                queued_at=opening["queued"],
                digest=opening.get("digest", ""),
            )
            run = await asyncio.to_thread(self._ledger.adopt, job.event, job.id, opening["run"])
            log.info("run %s %s", journal.run_id, "goes on" if run else "was given up")
            self._begin(
                Work(job=job, journal=journal, begun=True),
                partial(self._course.resume, run=run) if run else _nothing,
            )

    async def drain(self, seconds: float) -> None:
        """Finish the runs that have begun, for at most SECONDS; hand back the other jobs at once.

        What is left then is not handed back: the broker does that when the connection ends, and the lease
        says when the run is over. If only this process is restarted, its successor adopts the run.
        """
        self._draining = True
        for task, work in list(self._tasks.items()):
            if work is not None and not work.begun:
                task.cancel()
                for received in work.received:
                    received.delivery.requeue()
        if running := self._running():
            log.info("finishing %d runs within %g s", len(running), seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # A run that ends leaves its journal to another task.
                while running := self._running():
                    await asyncio.wait(running)

    def _running(self) -> list[asyncio.Task[None]]:
        return [task for task, work in self._tasks.items() if work is not None and work.begun]

    def _begin(self, work: Work, process: Callable[[Work], Awaitable[None]]) -> None:
        self._works[work.job.key] = work
        self._spawn(self._in_slot(work, process), work)

    async def _in_slot(self, work: Work, process: Callable[[Work], Awaitable[None]]) -> None:
        key = work.job.key
        slot = await self._slot(work)
        if slot:
            await self._guarded(work, process)
        else:
            work.begun = True
            await self._reports.deferred(work, "no slot is free here")
        if self._works.get(key) is work:
            del self._works[key]
        for received in work.received:
            # An adopted run that does not count is not reported: its message begins another work.
            if received.unacknowledged:
                self.take(received.delivery)
        if slot and work.journal:
            # What is still at work keeps its thread of the Workflow Manager, so it keeps its slot. A
            # container that stops does not wait for that, but for what is to be done after the others.
            idle = self._runner.is_idle(work.journal)
            self._spawn(self._free_when_idle(slot, work, work.journal), work if idle else None)
        elif slot:
            slot.free()

    async def _slot(self, work: Work) -> Slot | None:
        """A slot for the job; None if none gets free in time. A run that was adopted is at work already."""
        try:
            async with asyncio.timeout(None if work.journal else SLOT_SECONDS):
                return await self._slots.take(work.job.event)
        except TimeoutError:
            return None

    async def _guarded(self, work: Work, process: Callable[[Work], Awaitable[None]]) -> None:
        job = work.job
        run = work.journal.run_id if work.journal else None
        json_log.about(event=job.event, batch=job.batch, job=job.id, run=run)
        try:
            await process(work)
        except OSError as error:
            # The shared disk, most likely. The job is not to blame, and the message must not be lost.
            metrics.ERRORS.inc()
            log.error("job %s could not go on: %s", work.job.id, error)
            reason = f"the worker could not go on: {error.strerror or error}"
            await self._reports.deferred(work, reason)
            await asyncio.sleep(SHARE_PAUSE_SECONDS)
        except Exception:
            metrics.ERRORS.inc()
            log.exception("job %s could not go on", work.job.id)
            await self._reports.deferred(work, WORKER_ERROR)

    async def _free_when_idle(self, slot: Slot, work: Work, journal: Journal) -> None:
        await self._runner.until_idle(journal)
        slot.free()
        while not work.swept:
            try:
                await self._course.clear(journal)
                work.swept = True
            except Exception:
                # The shared disk, most likely. The journal stays, so that a successor of this process knows.
                log.exception("run %s may have left files in the archive", journal.run_id)
                await asyncio.sleep(CLEAR_PAUSE_SECONDS)
        await self._keep(journal)
        self._journals.discard(journal)

    async def _keep(self, journal: Journal) -> None:
        """Keep the journal on the share, for people. Nothing depends on it."""
        opening = journal.opening
        if opening is None:
            return
        lines = [{"instance": instance, **line} for instance, of in journal.instances.items() for line in of]
        try:
            folder = Path(opening["ledger"])
            await asyncio.to_thread(self._ledger.keep_journal, folder, opening["run"], lines)
        except OSError as error:
            log.warning("the journal of run %s is not kept: %s", journal.run_id, error)

    def _spawn(
        self, coroutine: Coroutine[object, object, None], work: Work | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = work
        task.add_done_callback(self._done)
        metrics.JOBS.set(len(self._works))
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task)
        metrics.JOBS.set(len(self._works))


def _is_another(work: Work | None, job: Job) -> bool:
    """Whether the message is not that of the job in hand, although both derive to one id."""
    if job.identity == "time" and work is not None:
        return not job.came_before or any(each.unacknowledged for each in work.received)
    return job.identity == "none"


async def _nothing(_: Work) -> None:
    """An adopted run that no longer counts."""
