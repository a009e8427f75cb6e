"""The jobs that this container has in hand, each from its message to the acknowledgement.

A message is acknowledged after the job's verdict is in the ledger, never before: whatever dies, the message
is still there.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace

from runtime import names
from runtime.messaging import messages
from runtime.messaging.event import Event
from runtime.messaging.messages import Job, Poison
from runtime.messaging.session import Delivery
from runtime.oodt.file_manager import FileManager
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.records.journal import Journal, Journals
from runtime.records.ledger import Held, Ledger, Run, Superseded, Verdict
from runtime.records.verdict import describe
from runtime.worker.products import withdraw
from runtime.worker.reports import Reports
from runtime.worker.run import Outcome, Runner

log = logging.getLogger(__name__)

# Runs that the Workflow Manager or a node broke off are no attempts; this ends a job that breaks them each
# time.
MOST_INTERRUPTIONS = 10


@dataclass(eq=False, kw_only=True)
class Work:
    """A job in hand. After a restart of this process it has no delivery until its message comes back."""

    job: Job
    deliveries: list[Delivery] = field(default_factory=list)
    run: Run | None = None
    journal: Journal | None = None
    superseded: bool = False
    begun: bool = False


class Jobs:
    """Runs jobs on the Workflow Manager, of each event as many at once as it allows."""

    def __init__(
        self,
        events: tuple[Event, ...],
        *,
        node: str,
        ledger: Ledger,
        journals: Journals,
        manager: WorkflowManager,
        file_manager: FileManager,
        reports: Reports,
    ) -> None:
        self._events = {event.name: event for event in events}
        self._slots = {event.name: asyncio.Semaphore(event.max_workflows) for event in events}
        self._node = node
        self._ledger = ledger
        self._journals = journals
        self._manager = manager
        self._runner = Runner(manager, journals)
        self._file_manager = file_manager
        self._reports = reports
        self._works: dict[tuple[str, str], Work] = {}  # by event and job
        self._tasks: dict[asyncio.Task[None], Work | None] = {}
        self._manager_up = asyncio.Event()
        self._probe: asyncio.Task[None] | None = None
        self._draining = False
        self.check_manager()

    def take(self, delivery: Delivery) -> None:
        """A message has come."""
        if self._draining:
            delivery.requeue()
            return
        try:
            job = messages.decode(delivery.queue, delivery.properties, delivery.body)
        except Poison as error:
            self._spawn(self._reports.poison(delivery, str(error)))
            return
        work = self._works.get((job.event, job.id))
        if _is_another(work, delivery):
            another = Work(job=job, deliveries=[delivery], begun=True)
            self._spawn(self._reports.named(job, delivery), another)
            return
        if work:
            # The connection was lost during its run, or it was sent twice: one run answers all deliveries.
            work.deliveries.append(delivery)
            return
        self._begin(Work(job=job, deliveries=[delivery]), self._process)

    def take_abandoned(self, delivery: Delivery) -> None:
        """The broker has given a message up, so that its job can only be said to be dead."""
        event = next(name for name in self._events if names.abandoned_queue(name) == delivery.queue)
        delivery = replace(delivery, queue=event)
        try:
            job = messages.decode(event, delivery.properties, delivery.body)
        except Poison as error:
            self._spawn(self._reports.poison(delivery, str(error)))
            return
        work = Work(job=job, deliveries=[delivery], begun=True)
        self._spawn(self._bury(work, messages.abandonment(delivery.properties)), work)

    async def _bury(self, work: Work, why: str) -> None:
        job, [delivery] = work.job, work.deliveries
        came_before = why == messages.DELIVERY_LIMIT or _came_before(delivery)
        identity = messages.identity(delivery.properties)
        try:
            if identity == "none" or (
                identity == "time" and not await asyncio.to_thread(self._has_its_id, job, came_before)
            ):
                job = replace(job, id=messages.own_id(job.id))
            reason = f"the broker gave the message up: {messages.ABANDONED.get(why, why)}"
            end = await asyncio.to_thread(self._ledger.give_up, job.event, job.id, reason)
            if isinstance(end, Held):
                await self._reports.parked(job, work.deliveries, f"it runs on {end.node}")
            else:
                await self._reports.settled(job, work.deliveries, end)
        except OSError:
            log.exception("job %s could not be given up", job.id)
            await self._reports.parked(job, work.deliveries, "an error of the worker, see its log")

    async def _process(self, work: Work) -> None:
        """A job from claim to acknowledgement."""
        job = work.job
        [delivery, *_] = work.deliveries
        if messages.identity(delivery.properties) != "id":
            # Handed back halfway it might be taken for the message that the id belongs to.
            work.begun = True
            if not await asyncio.to_thread(self._has_its_id, job, _came_before(delivery)):
                await self._reports.named(job, delivery)
                return
            work.begun = False
        await self._manager_up.wait()
        work.begun = True
        claim = await asyncio.to_thread(
            self._ledger.claim, job.event, job.id, batch=job.batch, redrive=job.redrive
        )
        if isinstance(claim, Held):
            await self._reports.parked(work.job, work.deliveries, f"it runs on {claim.node}")
            return
        if isinstance(claim, Verdict):
            if claim.state == "CANCELLED":
                # It may have been ended in the middle of a run.
                folder = await asyncio.to_thread(self._ledger.folder, job.event, job.id)
                await withdraw(self._ledger, self._file_manager, folder)
            await self._reports.settled(work.job, work.deliveries, claim)
            return
        work.run = claim
        if claim.number > 1:
            await withdraw(self._ledger, self._file_manager, claim.folder, before=claim.number)
        self._spawn(self._reports.running(work.job, claim))
        work.journal, outcome = await self._runner.start(work.job, claim)
        await self._settle(work, claim, outcome or await self._outcome(work, work.journal))

    def _has_its_id(self, job: Job, came_before: bool) -> bool:
        """Whether the message, without an id of its own, is the one that the job's id was derived from."""
        if came_before:
            return not self._ledger.is_answered(job.event, job.id)
        return self._ledger.reserve(job.event, job.id)

    async def _resume(self, work: Work) -> None:
        """A job that an earlier process of this container left running, to acknowledgement."""
        assert work.run is not None and work.journal is not None
        await self._settle(work, work.run, await self._outcome(work, work.journal))

    async def _outcome(self, work: Work, journal: Journal) -> Outcome:
        seconds = self._events[work.job.event].job_timeout
        return await self._runner.finish(journal, seconds=seconds, superseded=lambda: work.superseded)

    async def _settle(self, work: Work, run: Run, outcome: Outcome) -> None:
        """Draw the consequence of a run: a verdict, or another run."""
        log.info("run %s %s%s", run.id, outcome.result, f": {outcome.reason}" if outcome.reason else "")
        if outcome.result == "interrupted":
            self.check_manager()
        if outcome.result != "succeeded":
            await withdraw(self._ledger, self._file_manager, run.folder, only=run.number)
        try:
            verdict = await asyncio.to_thread(self._record, work.job, run, outcome)
        except Superseded:
            log.warning(
                "run %s does not count: the job was cancelled or taken over by another worker", run.id
            )
            await withdraw(self._ledger, self._file_manager, run.folder, only=run.number)
            await self._reports.parked(work.job, work.deliveries, "it was cancelled or taken over")
            return
        if verdict:
            await self._reports.settled(work.job, work.deliveries, verdict)
        else:
            await self._reports.retrying(work.job, run, work.deliveries, outcome)

    def _record(self, job: Job, run: Run, outcome: Outcome) -> Verdict | None:
        """Write the outcome into the ledger; the job's verdict if this ends it. Raises Superseded."""
        if outcome.result == "superseded":
            raise Superseded(run.id)
        failures = run.failures + (outcome.result == "failed")
        interruptions = run.interruptions + (outcome.result == "interrupted")
        given_up = failures >= self._events[job.event].max_attempts or interruptions >= MOST_INTERRUPTIONS
        if outcome.result != "succeeded" and not outcome.final and not given_up:
            self._ledger.end(run, outcome.result, outcome.reason, outcome.log)
            return None
        verdict = Verdict(
            state="SUCCEEDED" if outcome.result == "succeeded" else "DEAD",
            attempts=run.failures + 1,
            node=self._node,
            run=run.number,
            reason=outcome.reason,
            log=outcome.log,
            products=describe(outcome.products),
            started=run.started,
            ended=time.time(),
        )
        self._ledger.settle(run, verdict)
        return verdict

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
            )
            run = await asyncio.to_thread(self._ledger.adopt, job.event, job.id, opening["run"])
            log.info("run %s %s", journal.run_id, "goes on" if run else "was given up")
            self._begin(
                Work(job=job, run=run, journal=journal, begun=True), self._resume if run else _nothing
            )

    async def keep_leases(self) -> None:
        """Tell the other workers, as long as this process lives, that its runs go on."""
        while True:
            await asyncio.sleep(self._ledger.lease / 3)
            for work in list(self._works.values()):
                if work.run is not None:
                    await self._renew(work, work.run)

    async def _renew(self, work: Work, run: Run) -> None:
        try:
            await asyncio.to_thread(self._ledger.renew, run)
        except Superseded:
            work.superseded = True
            if work.journal is not None:
                work.journal.wake()
        except OSError as error:
            log.warning("the lease of run %s could not be renewed: %s", run.id, error)

    def check_manager(self) -> None:
        """Begin no run until the Workflow Manager has answered."""
        self._manager_up.clear()
        if self._probe is None:
            self._probe = self._spawn(self._wait_for_manager())

    async def _wait_for_manager(self) -> None:
        await self._manager.wait_until_up()
        self._probe = None
        self._manager_up.set()

    async def drain(self, seconds: float) -> None:
        """Finish the runs that have begun, for at most SECONDS; hand back the other jobs at once.

        What is left then is not handed back: the broker does that when the connection ends, and the lease
        says when the run is over. If only this process is restarted, its successor adopts the run.
        """
        self._draining = True
        for task, work in list(self._tasks.items()):
            if work is not None and not work.begun:
                task.cancel()
                for delivery in work.deliveries:
                    delivery.requeue()
        running = [task for task, work in self._tasks.items() if work is not None and work.begun]
        if running:
            log.info("finishing %d runs within %g s", len(running), seconds)
            await asyncio.wait(running, timeout=seconds)

    def _begin(self, work: Work, process: Callable[[Work], Awaitable[None]]) -> None:
        self._works[work.job.event, work.job.id] = work
        self._spawn(self._in_slot(work, process), work)

    async def _in_slot(self, work: Work, process: Callable[[Work], Awaitable[None]]) -> None:
        slots = self._slots[work.job.event]
        await slots.acquire()
        try:
            await process(work)
        except Exception:
            # The shared disk, most likely. The job is not to blame, and the message must not be lost.
            log.exception("job %s could not go on", work.job.id)
            await self._reports.parked(work.job, work.deliveries, "an error of the worker, see its log")
        key = (work.job.event, work.job.id)
        if self._works.get(key) is work:
            del self._works[key]
        for delivery in work.deliveries:
            # It came for a run that did not count, or too late for its report.
            if delivery.alive and not delivery.answered:
                self.take(delivery)
        if work.journal is not None:
            # What is still at work keeps its thread of the Workflow Manager, so it keeps its slot.
            self._spawn(self._wait_until_idle(work.journal, slots))
        else:
            slots.release()

    async def _wait_until_idle(self, journal: Journal, slots: asyncio.Semaphore) -> None:
        await self._runner.until_idle(journal)
        self._journals.discard(journal)
        slots.release()

    def _spawn(
        self, coroutine: Coroutine[object, object, None], work: Work | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = work
        task.add_done_callback(self._tasks.pop)
        return task


def _came_before(delivery: Delivery) -> bool:
    return delivery.redelivered or messages.was_put_aside(delivery.properties)


def _is_another(work: Work | None, delivery: Delivery) -> bool:
    """Whether the message is not that of the job in hand, although both derive to one id."""
    identity = messages.identity(delivery.properties)
    if identity == "time" and work is not None:
        return not _came_before(delivery) or any(each.alive and not each.answered for each in work.deliveries)
    return identity == "none"


async def _nothing(_: Work) -> None:
    """An adopted run that no longer counts."""
