"""The course of one job: message, claim, run, verdict, report."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime import json_log
from runtime.messaging import messages, recorded
from runtime.messaging.event import Event
from runtime.messaging.messages import Job
from runtime.oodt.file_manager import FileManager
from runtime.outcome import Outcome
from runtime.records.journal import Journal
from runtime.records.ledger import Ledger, OtherJob, Replaced, Run, RunsElsewhere, Superseded, Verdict
from runtime.worker import metrics
from runtime.worker.leases import Lease, Leases
from runtime.worker.products import withdraw
from runtime.worker.reports import Reports
from runtime.worker.runner import Runner
from runtime.worker.work import Work

log = logging.getLogger(__name__)

# A run that the Workflow Manager or a node broke off is no attempt. So many of them end the job all the same.
MOST_INTERRUPTIONS = 10


class Course:
    """Takes jobs through their course on one Workflow Manager."""

    def __init__(
        self,
        events: Sequence[Event],
        *,
        node: str,
        ledger: Ledger,
        leases: Leases,
        runner: Runner,
        file_manager: FileManager,
        reports: Reports,
    ) -> None:
        self._events = {event.name: event for event in events}
        self._node = node
        self._ledger = ledger
        self._leases = leases
        self._runner = runner
        self._file_manager = file_manager
        self._reports = reports

    async def process(self, work: Work) -> None:
        """Take a job from its message to the acknowledgement."""
        job = work.job
        if job.identity != "id":
            # If it were handed back halfway, it might be mistaken for the message that the id belongs to.
            work.begun = True
            if not await asyncio.to_thread(self._has_its_id, job):
                await self._reports.renamed(work.received[0])
                return
            work.job = job = replace(job, came_before=True)
            work.begun = False
        await self._runner.ready()
        work.begun = True
        claim = await asyncio.to_thread(
            self._ledger.claim,
            *job.key,
            batch=job.batch,
            redrive=job.redrive,
            digest=job.digest,
            edited=job.edited,
            message=recorded.of(job),
        )
        match claim:
            case OtherJob():
                await self._refuse_other(work)
            case Replaced():
                await self._reports.replaced(work)
            case RunsElsewhere():
                await self._reports.deferred(work, f"it runs on {claim.node}")
            case Verdict():
                await self._settle_again(work, claim)
            case Run():
                with self._leases.held(claim) as lease:
                    await self._run(work, lease)

    async def resume(self, work: Work, run: Run) -> None:
        """Take a run that an earlier process of this container left to the acknowledgement."""
        work.running = run
        with self._leases.held(run) as lease:
            await self._finish(work, lease, await self._outcome(work, lease))

    async def give_up(self, work: Work, why: str) -> None:
        """Record that a job is dead. The broker has dead-lettered its message, for RabbitMQ's reason WHY."""
        job = work.job
        if why == messages.DELIVERY_LIMIT:
            job = replace(job, came_before=True)
        if job.identity == "none" or (
            job.identity == "time" and not await asyncio.to_thread(self._has_its_id, job)
        ):
            job = replace(job, id=messages.own_id(job.id))
        reason = f"the broker gave the message up: {messages.DEAD_LETTER_REASONS.get(why, why)}"
        work.job = job
        match await asyncio.to_thread(
            self._ledger.give_up,
            *job.key,
            reason,
            digest=job.digest,
            edited=job.edited,
            redrive=job.redrive,
        ):
            case OtherJob():
                await self._refuse_other(work)
            case Replaced():
                await self._reports.replaced(work)
            case RunsElsewhere() as elsewhere:
                await self._reports.deferred(work, f"it runs on {elsewhere.node}")
            case Verdict() as end:
                await self._reports.settled(work, end)

    async def refuse(self, work: Work, reason: str) -> None:
        """The message can never become a job. If its id is that of one which could, it is no word on that."""
        if await asyncio.to_thread(self._ledger.knows, *work.job.key):
            work.job = replace(work.job, id=messages.id_beside(work.job))
        await self._reports.refused(work, reason)

    async def clear(self, journal: Journal) -> None:
        """Remove what a run that does not count has left since its products were removed."""
        opening = journal.opening
        if opening and not await asyncio.to_thread(self._counts, opening):
            folder = Path(opening["ledger"])
            await withdraw(self._ledger, self._file_manager, folder, only=opening["run"], again=True)

    async def _sweep(self, work: Work, run: Run) -> None:
        """Remove the products of a run that does not count.

        Whoever has taken the job over may have removed them before. A crawler that was slow, or frozen, may
        have moved a file into the archive since, or will do so.
        """
        work.swept = work.journal is not None and self._runner.is_idle(work.journal)
        await withdraw(self._ledger, self._file_manager, run.folder, only=run.number, again=True)

    def _counts(self, opening: dict[str, Any]) -> bool:
        """Whether the products of a run are to stay, as far as is decided."""
        end = self._ledger.verdict(opening["event"], opening["job"])
        return self._ledger.is_current(Path(opening["ledger"]), opening["run"]) or (
            end is not None and (end.state, end.run) == ("SUCCEEDED", opening["run"])
        )

    def _has_its_id(self, job: Job) -> bool:
        """Whether the message, without an id of its own, is the one that the job's id was derived from."""
        if job.came_before:
            return not self._ledger.is_answered(job.event, job.id)
        return self._ledger.reserve(job.event, job.id)

    async def _refuse_other(self, work: Work) -> None:
        """Its id belongs to another job, so it is dead under an id of its own. A redrive runs it."""
        job = work.job
        work.job = replace(job, id=messages.id_beside(job))
        reason = (
            f"message id {job.id} is that of a job with other metadata; a redrive runs this as {work.job.id}"
        )
        await self._reports.refused(work, reason)

    async def _settle_again(self, work: Work, verdict: Verdict) -> None:
        """Answer a message whose job had ended before the message came."""
        job = work.job
        if verdict.state != "SUCCEEDED":
            # It was cancelled in the middle of a run, or its worker died before all products were removed.
            folder = await asyncio.to_thread(self._ledger.folder, job.event, job.id)
            # A redrive may begin another run meanwhile.
            await withdraw(self._ledger, self._file_manager, folder, before=verdict.run + 1)
        await self._reports.settled(work, verdict)

    async def _run(self, work: Work, lease: Lease) -> None:
        run = lease.run
        json_log.about(run=run.id)
        log.info("run %s begins", run.id)
        if run.number > 1:
            await withdraw(self._ledger, self._file_manager, run.folder, before=run.number)
        if run.interruptions >= MOST_INTERRUPTIONS:
            # A run leaves no end too where the share took the claim, and then nothing more.
            reason = (
                f"{run.interruptions} of its runs have no end on record: their Workflow Manager, their node "
                "or the share failed"
            )
            await self._finish(work, lease, Outcome(result="interrupted", reason=reason))
            return
        work.running = run
        self._reports.running(work.job, run)
        started = await self._runner.start(work.job, run)
        if isinstance(started, Outcome):
            await self._finish(work, lease, started)
        else:
            work.journal = started
            await self._finish(work, lease, await self._outcome(work, lease))

    async def _outcome(self, work: Work, lease: Lease) -> Outcome:
        assert work.journal is not None
        seconds = self._events[work.job.event].job_timeout
        return await self._runner.finish(work.journal, lease, seconds=seconds)

    async def _finish(self, work: Work, lease: Lease, outcome: Outcome) -> None:
        """Draw the consequence of a run: a verdict, or another run.

        The decision is on record before a product is removed. If this worker dies in between, whoever has the
        job's message next finishes the removal.
        """
        run = lease.run
        metrics.RUNS.labels(work.job.event, outcome.result).inc()
        log.info("run %s %s%s", run.id, outcome.result, f": {outcome.reason}" if outcome.reason else "")
        try:
            verdict = await asyncio.to_thread(self._record, work.job, run, outcome)
        except Superseded:
            log.warning(
                "run %s does not count: the job was cancelled or taken over by another worker", run.id
            )
            work.running = None  # whoever did that has announced it
            await self._sweep(work, run)
            await self._reports.deferred(work, "it was cancelled or taken over")
            return
        work.came_to = outcome
        if outcome.result != "succeeded":
            await self._sweep(work, run)
        if verdict:
            await self._reports.settled(work, verdict)
        else:
            await self._reports.retrying(work, run, outcome)

    def _record(self, job: Job, run: Run, outcome: Outcome) -> Verdict | None:
        """Write the outcome into the ledger. Returns the verdict if this ends the job. Raises Superseded."""
        if outcome.result == "superseded":
            raise Superseded(run.id)
        failures = run.failures + (outcome.result == "failed")
        interruptions = run.interruptions + (outcome.result == "interrupted")
        given_up = failures >= self._events[job.event].max_attempts or interruptions >= MOST_INTERRUPTIONS
        if outcome.result != "succeeded" and not outcome.final and not given_up:
            self._ledger.end(run, outcome)
            return None
        verdict = Verdict(
            outcome=outcome,
            attempts=run.failures + 1,
            node=self._node,
            run=run.number,
            started=run.started,
            ended=time.time(),
        )
        self._ledger.settle(run, verdict)
        return verdict
