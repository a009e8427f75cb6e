"""One run of a job on the Workflow Manager, from submission to outcome."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from runtime.messaging.excerpt import excerpt
from runtime.messaging.messages import Job
from runtime.oodt import xml_rpc
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.outcome import Outcome
from runtime.records import verdict
from runtime.records.journal import Journal, Journals
from runtime.records.ledger import Run
from runtime.worker.leases import Lease

log = logging.getLogger(__name__)

# The Workflow Manager records an instance before it answers to handleEvent.
BEGIN_SECONDS = 60.0
# A run that was told to stop has so long to end. After that its failure is reported without its log.
STOP_SECONDS = 10.0
STOP_AGAIN_SECONDS = 30.0


class Runner:
    """Executes runs on one Workflow Manager."""

    def __init__(self, manager: WorkflowManager, journals: Journals) -> None:
        self._manager = manager
        self._journals = journals
        self._answers = False
        self._probe = asyncio.Lock()

    async def ready(self) -> None:
        """Return once the Workflow Manager answers: at first, and again after it has interrupted a run."""
        async with self._probe:
            if not self._answers:
                await self._manager.wait_until_up()
                self._answers = True

    async def start(self, job: Job, run: Run) -> Journal | Outcome:
        """Submit a run; its outcome if it has certainly not begun."""
        journal = self._journals.open(
            run.id,
            job=job.id,
            event=job.event,
            run=run.number,
            ledger=str(run.folder),
            batch=job.batch,
            queued=job.queued_at,
            digest=job.digest,
        )
        try:
            if await self._manager.handle_event(job.event, job.metadata, run.id):
                return journal
            reason = f"the Workflow Manager knows no event {job.event}"
            outcome = Outcome(result="failed", reason=reason, final=True)
        except xml_rpc.NoAnswer:
            # It may have begun all the same; the journal will tell.
            return journal
        except xml_rpc.Unreachable as error:
            outcome = self._interrupted(str(error))
        except xml_rpc.Fault as error:
            reason = f"the Workflow Manager refused it: {error.faultString}"
            outcome = Outcome(result="failed", reason=reason)
        self._journals.discard(journal)
        return outcome

    async def finish(self, journal: Journal, lease: Lease, *, seconds: float) -> Outcome:
        """Wait for the end of a submitted run, at most until SECONDS after it was opened."""
        lease.on_lost = journal.wake
        opened = journal.opening["at"] if journal.opening else time.time()
        try:
            async with asyncio.timeout(max(0.0, opened + BEGIN_SECONDS - time.time())):
                outcome = await self._until(journal, _begun, lease)
        except TimeoutError:
            return self._interrupted("the Workflow Manager made no workflow instance of it")
        if outcome:
            return outcome
        try:
            async with asyncio.timeout(max(0.0, opened + seconds - time.time())):
                outcome = await self._until(journal, _ended, lease)
        except TimeoutError:
            return await self._given_up(journal, did_not_end(seconds))
        if outcome:
            if outcome.result == "superseded":
                await self._stop(journal)
            return outcome
        outcome = verdict.judge(journal.instances.values())
        return replace(outcome, log=outcome.log and excerpt(outcome.log))

    async def _given_up(self, journal: Journal, reason: str) -> Outcome:
        """The outcome of a run whose time is over, with the last log of its programs."""
        await self._stop(journal)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._until(journal, _ended)
        logs = [verdict.last_log(lines) for lines in journal.instances.values()]
        last = next((each for each in logs if each), None)
        return Outcome(result="failed", reason=reason, log=last and excerpt(last))

    async def _stop(self, journal: Journal) -> None:
        for instance in journal.instances:
            await self._manager.stop(instance)

    def is_idle(self, journal: Journal) -> bool:
        """Whether a run that was submitted has begun, and the Workflow Manager does nothing more for it."""
        return _begun(journal) and (_ended(journal) or self._replaced(journal))

    async def until_idle(self, journal: Journal) -> None:
        """Return once the Workflow Manager does nothing more for the run. Tell it to stop until then."""
        if not _begun(journal):
            # One that was frozen has not read the call yet: it begins the run although nobody waits for it.
            await self._manager.wait_until_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._until(journal, _begun)
        told = False
        while _begun(journal) and not self.is_idle(journal):
            for line in () if told else verdict.stuck(journal.lines):
                told = True
                log.error(
                    "run %s: task %s does not stop; it keeps its slot while other jobs run here:\n%s",
                    *(journal.run_id, line["task"], line["stack"]),
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_AGAIN_SECONDS):
                    await self._until(journal, _ended)
                    return
            await self._stop(journal)

    async def _until(
        self, journal: Journal, condition: Callable[[Journal], bool], lease: Lease | None = None
    ) -> Outcome | None:
        """Return once the condition holds, or with the outcome of a run for which it never will."""
        while not condition(journal):
            if lease is not None and lease.lost:
                return Outcome(result="superseded", reason="it was cancelled or taken over")
            if self._replaced(journal):
                return self._interrupted("the Workflow Manager was restarted during the run")
            await journal.changed()
        return None

    def _interrupted(self, reason: str) -> Outcome:
        self._answers = False
        return Outcome(result="interrupted", reason=reason)

    def _replaced(self, journal: Journal) -> bool:
        return journal.boot is not None and journal.boot != self._manager.boot()


def did_not_end(seconds: float) -> str:
    """The reason of a run that was given up because its time was over."""
    return f"it did not end within {seconds:g} s"


def _begun(journal: Journal) -> bool:
    return verdict.begun(journal.lines)


def _ended(journal: Journal) -> bool:
    return all(verdict.ended(lines) for lines in journal.instances.values())
