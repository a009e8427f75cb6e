"""Cancels jobs that are queued or run by recording their end in the ledger.

The worker of a job that runs sees it when it renews the lease, and stops the run. The message of a queued job
stays in the queue until its turn comes, and is then settled without a run.
"""

import asyncio
import logging
from collections.abc import Sequence

from runtime.messaging.announcements import Announcement, StateChange, announce
from runtime.messaging.broker import Broker
from runtime.messaging.session import Rejected
from runtime.records.ledger import Ledger, Verdict
from runtime.status_service.history import Record
from runtime.status_service.store import Store

log = logging.getLogger(__name__)

# So many jobs are cancelled at once, since each waits for the shared disk.
AT_ONCE = 16


def outlook(job: str, found: Record | None) -> str:
    """What cancelling the job would do now, by what is FOUND of it in the history."""
    state = str(found["state"]) if found else "QUEUED"
    if found is None or state == "QUEUED":
        known = "is queued" if found else "is not known: perhaps its message waits in the queue"
        return f"job {job} {known}; it ends without a run when its turn comes"
    if state == "RUNNING":
        where = found["node"] or "a node that is not known"
        return (
            f"job {job} runs on {where}, run {found['run']}: its program is killed within ten seconds, "
            "and its products are removed"
        )
    if state == "RETRYING":
        reason = f" ({found['reason']})" if found["reason"] else ""
        return f"job {job} waits for another run after run {found['run']} has failed{reason}: none begins"
    return f"job {job} has ended before, {state.lower()}: nothing happens"


class Cancellation:
    """Cancels jobs and batches."""

    def __init__(self, ledger: Ledger, store: Store, broker: Broker) -> None:
        self._ledger = ledger
        self._store = store
        self._broker = broker
        self._tasks: set[asyncio.Task[None]] = set()
        self._batches: set[tuple[str, str]] = set()

    async def job(self, event: str, job: str, *, batch: str | None) -> Verdict:
        """Cancel a job, unless it has ended, and return how it ended. Raises BrokerDown, OSError."""
        redrive = await asyncio.to_thread(self._store.pending_redrive, event, job)
        verdict = await asyncio.to_thread(self._ledger.cancel, event, job, redrive=redrive)
        if verdict.state == "CANCELLED":
            change = StateChange(
                job=job, event=event, batch=batch, redrive=redrive, state=verdict.state, **vars(verdict)
            )
            try:
                await announce(self._broker, change)
            except Rejected as error:
                # The verdict is in the ledger. The job's worker announces it too.
                log.warning("job %s is cancelled, which the broker does not pass on: %s", job, error)
        return verdict

    async def batch(self, event: str, batch: str) -> int:
        """Cancel what has not ended of a batch, and return how many of its cancelled jobs had begun."""
        await asyncio.to_thread(self._ledger.cancel_batch, event, batch)
        await asyncio.to_thread(self._store.mark_cancelled, event, batch)
        self._batches.add((event, batch))
        jobs = await asyncio.to_thread(self._store.open_jobs, event, batch)
        slots = asyncio.Semaphore(AT_ONCE)

        async def cancel(job: str) -> Verdict:
            async with slots:
                return await self.job(event, job, batch=batch)

        verdicts = await asyncio.gather(*map(cancel, jobs))
        return sum(verdict.state == "CANCELLED" for verdict in verdicts)

    def cancel_late(self, announcements: Sequence[Announcement]) -> None:
        """Cancel jobs of cancelled batches that were claimed before, but are announced only now."""
        for change in announcements:
            if (
                isinstance(change, StateChange)
                and change.state == "RUNNING"
                and (change.event, change.batch) in self._batches
            ):
                task = asyncio.create_task(self._cancel_job_late(change))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _cancel_job_late(self, change: StateChange) -> None:
        try:
            await self.job(change.event, change.job, batch=change.batch)
        except OSError as error:
            log.warning("job %s could not be cancelled with its batch: %s", change.job, error)
