"""Tells the broker what became of a job.

In this order: the message is published to the queue where it belongs now, the state is announced, the message
is acknowledged. What fails on the way is done again when the message comes back. For a message without an id
the ledger is told before the acknowledgement: a message that comes with the same body and time from then on
is another.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import pika

from runtime import names
from runtime.messaging import messages
from runtime.messaging.announcements import State, StateChange, announce
from runtime.messaging.broker import Broker, BrokerDown, Unconfirmed
from runtime.messaging.messages import Job
from runtime.messaging.session import Rejected, Unroutable
from runtime.messaging.topology import DEFER_WAIT, MOST_RETURNS, retry_wait
from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker.work import Received, Work

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 60.0
PAUSE_SECONDS = 5.0


class Reports:
    """The reports of one node."""

    def __init__(self, broker: Broker, *, node: str, ledger: Ledger) -> None:
        self._broker = broker
        self._node = node
        self._ledger = ledger
        self._telling: set[asyncio.Task[bool]] = set()

    def running(self, job: Job, run: Run) -> None:
        """Announce that a run begins, which does not wait for the broker."""
        attempts = run.failures + 1
        announcement = self._announce(
            job, "RUNNING", run=run.number, attempts=attempts, started=run.started, node=self._node
        )
        task = asyncio.get_running_loop().create_task(announcement)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def deferred(self, work: Work, reason: str) -> None:
        """The job cannot go on here and now, which is no fault of its own: look again in some seconds.

        A run of it that was announced is not at work any more. The ledger may not say so yet.
        """
        job = work.job
        log.info("job %s waits %d s: %s", job.id, DEFER_WAIT, reason)
        queue = names.retry_queue(job.event, DEFER_WAIT)
        received = work.close()
        known = job.identity == "id" or job.came_before
        properties = partial(messages.deferred, job=job) if known else messages.passed_on
        moved = await self._move(received, queue, properties)
        if run := work.running:
            # Its message may be still to come, and may then find that the share takes no other run either.
            await self._ended(job, run, work.came_to or Outcome(result="interrupted", reason=reason))
        if moved:
            _acknowledge(received)

    async def renamed(self, received: Received) -> None:
        """The message has no id, and the one derived belongs to another message: it gets one of its own."""
        job = received.job
        own = messages.own_id(job.id)
        log.info("a message like that of job %s becomes job %s", job.id, own)
        if await self._move([received], job.event, partial(messages.republished, job=own)):
            _acknowledge([received])

    async def retrying(self, work: Work, run: Run, outcome: Outcome) -> None:
        """The job gets another run, after a wait that grows with each failure."""
        job = work.job
        wait = retry_wait(_failures(run, outcome)) if outcome.result == "failed" else DEFER_WAIT
        properties = partial(messages.republished, job=job.id, reason=outcome.reason, log=outcome.log)
        received = work.close()
        if not await self._move(received, names.retry_queue(job.event, wait), properties):
            return
        await self._ended(job, run, outcome)
        work.running = None
        await self._answer(job, received)

    async def settled(self, work: Work, verdict: Verdict) -> None:
        """The job has come to its end, now or at an earlier delivery."""
        job, came_to, received = work.job, verdict.outcome, work.close()
        properties = partial(messages.republished, job=job.id, reason=came_to.reason, log=came_to.log)
        if verdict.state == "DEAD" and not await self._move(
            received, names.dead_queue(job.event), properties
        ):
            return
        if await self._announce(job, verdict.state, **vars(verdict)):
            work.running = None
            await self._answer(job, received)
        else:
            await _hand_back(received)

    async def replaced(self, work: Work) -> None:
        """The job has another message, with edited metadata: a redrive that broke off has left this one."""
        log.info("a message of job %s has metadata from before an edit, and is dropped", work.job.id)
        await self._answer(work.job, work.close())

    async def refused(self, work: Work, reason: str) -> None:
        """The messages cannot become the job that they ask for."""
        job, received = work.job, work.close()
        log.warning("message %s in queue %s is refused: %s", job.id, job.event, reason)
        properties = partial(messages.republished, job=job.id, reason=reason)
        if await self._move(received, names.dead_queue(job.event), properties):
            came_to = Outcome(result="failed", reason=reason)
            await self._announce(job, "DEAD", attempts=0, node=self._node, outcome=came_to)
            _acknowledge(received)

    async def _move(
        self,
        received: Sequence[Received],
        queue: str,
        properties_from: Callable[[pika.BasicProperties], pika.BasicProperties],
    ) -> bool:
        """Publish a copy of the job's message to a queue; False if the message itself goes back to its queue.

        Then there is nothing to acknowledge: the next delivery is the job's only message.
        """
        delivery = next((each.delivery for each in received if each.delivery.alive), None)
        if delivery is None:
            return False
        properties = properties_from(delivery.properties)
        while True:
            try:
                await self._broker.publish(
                    names.EXCHANGE, queue, delivery.body, properties, seconds=PUBLISH_SECONDS
                )
                return True
            except (BrokerDown, Unroutable, Rejected) as error:
                log.warning("job %s could not be moved to queue %s: %s", properties.message_id, queue, error)
            if not delivery.alive or messages.returns_of(delivery.properties) < MOST_RETURNS:
                await _hand_back(received)
                return False
            # The broker may drop it if it is returned once more.
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ended(self, job: Job, run: Run, outcome: Outcome) -> None:
        """Announce that a run is over, and that the job gets another one."""
        await self._announce(
            job,
            "RETRYING",
            run=run.number,
            attempts=_failures(run, outcome),
            node=self._node,
            started=run.started,
            ended=time.time(),
            outcome=outcome,
        )

    async def _answer(self, job: Job, received: Sequence[Received]) -> None:
        # A message whose connection is lost comes again, and must then be recognised as this job's.
        if any(each.unacknowledged and each.job.identity != "id" for each in received):
            await asyncio.to_thread(self._ledger.note_answered, *job.key)
        _acknowledge(received)

    async def _announce(self, job: Job, state: State, **about: object) -> bool:
        """Whether there is a broker to hear of it."""
        change = StateChange(
            job=job.id,
            event=job.event,
            batch=job.batch,
            queued=job.queued_at,
            redrive=job.redrive,
            state=state,
            **about,  # type: ignore[arg-type]
        )
        try:
            await announce(self._broker, change)
        except (Unconfirmed, Rejected) as error:
            # One queue that is full or broken must not hold up all jobs. The verdict is in the ledger.
            log.warning("job %s is %s, which the broker does not pass on: %s", job.id, state, error)
        except BrokerDown as error:
            log.warning("job %s is %s, which could not be announced: %s", job.id, state, error)
            return False
        return True


def _failures(run: Run, outcome: Outcome) -> int:
    return run.failures + (outcome.result == "failed")


def _acknowledge(received: Sequence[Received]) -> None:
    for each in received:
        each.delivery.ack()


async def _hand_back(received: Sequence[Received]) -> None:
    # The broker delivers a returned message again at once. The pause keeps this from spinning.
    await asyncio.sleep(PAUSE_SECONDS)
    for each in received:
        each.delivery.requeue()
