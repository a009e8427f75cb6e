"""Tells the broker what became of a job.

In this order: the message goes to the queue where it belongs now, the state is announced, the message is
acknowledged. What fails on the way is done again when the message comes back. For a message without an id the
ledger is told before the acknowledgement: whatever comes with the same body and time from then on is another.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import pika

from runtime import names
from runtime.messaging import messages
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.events import State, StateEvent, announce
from runtime.messaging.messages import Job
from runtime.messaging.session import Delivery, Rejected, Unroutable
from runtime.messaging.topology import PARKING_WAIT, retry_wait
from runtime.records.ledger import Ledger, Run, Verdict
from runtime.worker.run import Outcome

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 60.0
PAUSE_SECONDS = 5.0


class Reports:
    """The reports of one node."""

    def __init__(self, broker: Broker, *, node: str, ledger: Ledger) -> None:
        self._broker = broker
        self._node = node
        self._ledger = ledger

    async def running(self, job: Job, run: Run) -> None:
        await self._announce(job, "RUNNING", run=run.number, attempts=run.failures + 1, started=run.started)

    async def parked(self, job: Job, deliveries: Sequence[Delivery], reason: str) -> None:
        """The job cannot go on here and now, which is no fault of its own: look again in some seconds."""
        log.info("job %s waits %d s: %s", job.id, PARKING_WAIT, reason)
        queue = names.retry_queue(job.event, PARKING_WAIT)
        if await self._move(deliveries, queue, partial(messages.put_aside, job=job.id)):
            _acknowledge(deliveries)

    async def named(self, job: Job, delivery: Delivery) -> None:
        """The message has no id, and the one derived belongs to another message: it gets one of its own."""
        own = messages.own_id(job.id)
        log.info("a message like that of job %s becomes job %s", job.id, own)
        if await self._move([delivery], job.event, partial(messages.republished, job=own)):
            _acknowledge([delivery])

    async def retrying(self, job: Job, run: Run, deliveries: Sequence[Delivery], outcome: Outcome) -> None:
        """The job gets another run, after a wait that grows with each failure."""
        failures = run.failures + (outcome.result == "failed")
        wait = retry_wait(failures) if outcome.result == "failed" else PARKING_WAIT
        properties = partial(messages.republished, job=job.id, reason=outcome.reason, log=outcome.log)
        if not await self._move(deliveries, names.retry_queue(job.event, wait), properties):
            return
        await self._announce(
            job,
            "RETRYING",
            run=run.number,
            attempts=failures,
            reason=outcome.reason,
            log=outcome.log,
            started=run.started,
            ended=time.time(),
        )
        await self._answer(job, deliveries)

    async def settled(self, job: Job, deliveries: Sequence[Delivery], verdict: Verdict) -> None:
        """The job has come to its end, now or at an earlier delivery."""
        properties = partial(messages.republished, job=job.id, reason=verdict.reason, log=verdict.log)
        if verdict.state == "DEAD" and not await self._move(
            deliveries, names.dead_queue(job.event), properties
        ):
            return
        told = await self._announce(
            job,
            verdict.state,
            run=verdict.run,
            attempts=verdict.attempts,
            node=verdict.node,
            reason=verdict.reason,
            log=verdict.log,
            products=verdict.products,
            started=verdict.started,
            ended=verdict.ended,
        )
        if told:
            await self._answer(job, deliveries)
        else:
            await _hand_back(deliveries)

    async def poison(self, delivery: Delivery, reason: str) -> None:
        """The message is no job and never will be one."""
        job = Job(
            id=messages.job_id(delivery.queue, delivery.properties, delivery.body),
            event=delivery.queue,
            metadata={},
            batch=messages.batch_of(delivery.properties),
            queued_at=messages.queued_at(delivery.properties),
        )
        log.warning("message %s in queue %s is no job: %s", job.id, delivery.queue, reason)
        properties = partial(messages.republished, job=job.id, reason=reason)
        if await self._move([delivery], names.dead_queue(job.event), properties):
            await self._announce(job, "DEAD", attempts=0, reason=reason)
            _acknowledge([delivery])

    async def _move(
        self,
        deliveries: Sequence[Delivery],
        queue: str,
        properties_from: Callable[[pika.BasicProperties], pika.BasicProperties],
    ) -> bool:
        """Put the job's message into a queue anew; False if it went back, or goes back, to the broker.

        Then there is nothing to acknowledge: a delivery that comes from now on is the job's only message.
        """
        delivery = next((delivery for delivery in deliveries if delivery.alive), None)
        if delivery is None:
            return False
        properties = properties_from(delivery.properties)
        try:
            await self._broker.publish(
                names.EXCHANGE, queue, delivery.body, properties, seconds=PUBLISH_SECONDS
            )
        except (BrokerDown, Unroutable, Rejected) as error:
            log.warning("job %s could not be moved to queue %s: %s", properties.message_id, queue, error)
            await _hand_back(deliveries)
            return False
        return True

    async def _answer(self, job: Job, deliveries: Sequence[Delivery]) -> None:
        if any(messages.identity(delivery.properties) != "id" for delivery in deliveries):
            await asyncio.to_thread(self._ledger.note_answered, job.event, job.id)
        _acknowledge(deliveries)

    async def _announce(self, job: Job, state: State, *, node: str | None = None, **fields: object) -> bool:
        event = StateEvent(
            job=job.id,
            event=job.event,
            batch=job.batch,
            state=state,
            node=node or self._node,
            queued=job.queued_at,
            **fields,  # type: ignore[arg-type]
        )
        try:
            await announce(self._broker, event)
        except (BrokerDown, Rejected) as error:
            log.warning("job %s is %s, which could not be announced: %s", job.id, state, error)
            return False
        return True


def _acknowledge(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        delivery.ack()


async def _hand_back(deliveries: Sequence[Delivery]) -> None:
    # The broker delivers a returned message again at once; the pause keeps a broken broker from spinning us.
    await asyncio.sleep(PAUSE_SECONDS)
    for delivery in deliveries:
        delivery.requeue()
