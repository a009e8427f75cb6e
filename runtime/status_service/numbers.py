"""The numbers of this moment, for API, pages, metrics and lines alike: no two of them contradict each other.

What waits in a queue is asked of the queue, what runs is known by the announcements. The broker's management
tells which queues and consumers there are; its counts are five seconds old.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from runtime import names
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.event import Event
from runtime.status_service.history import Record
from runtime.status_service.management import EventQueues, Management, ManagementDown, Node, Snapshot
from runtime.status_service.moment import Moment
from runtime.status_service.progress import is_over, is_silent, progress
from runtime.status_service.store import Store

FRESH_SECONDS = 0.5
LATE_SECONDS = 1.0
BATCHES = 100


@dataclass(frozen=True, kw_only=True)
class Now:
    """Everything at one moment. ``snapshot`` is None while the broker's management does not answer.

    ``behind`` are announcements that wait to be taken in: the history lacks them.
    """

    at: float
    snapshot: Snapshot | None
    problem: str | None
    moment: Moment
    behind: int = 0

    @property
    def batches(self) -> list[Record]:
        """The newest, with how far they are."""
        return [self.progress(each) for each in self.moment.batches]

    def progress(self, batch: Record) -> Record:
        """A batch of the history with how far it is, as far as its event's queues are known."""
        if self.snapshot is None:
            return progress(batch, over=False, at=self.moment.at)
        queues = next((each for each in self.snapshot.queues if each.event == batch["event"]), None)
        return progress(batch, over=is_over(batch, queues, self.moment.at), at=self.moment.at)

    @property
    def states(self) -> dict[str, dict[str, int]]:
        """Jobs by event and state."""
        return self.moment.states


class Numbers:
    """Reads them, a little more often than anybody looks."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        management: Management,
        *,
        dead_messages: Callable[[str], int | None] = lambda _event: None,
        not_recorded: Callable[[], int] = lambda: 0,
    ) -> None:
        """DEAD_MESSAGES tells of an event how many there are while something holds them.

        NOT_RECORDED are announcements that could not be taken in and are not in their queue.
        """
        self._store = store
        self._broker = broker
        self._management = management
        self._dead_messages = dead_messages
        self._not_recorded = not_recorded
        self._lock = asyncio.Lock()
        self._latest: Now | None = None
        self._taken_at = 0.0

    async def now(self) -> Now:
        async with self._lock:
            if self._latest is None or time.monotonic() - self._taken_at > FRESH_SECONDS:
                self._latest = await self._read()
                self._taken_at = time.monotonic()
            return self._latest

    async def lately(self) -> Now:
        """As it was within the last second: while somebody follows the console, no view waits for more."""
        if self._latest is not None and time.monotonic() - self._taken_at < LATE_SECONDS:
            return self._latest
        return await self.now()

    async def of_event(self, event: str) -> EventQueues | None:
        """The queues of an event now, also while the management does not answer; None if there are none.

        ``consumers`` is 0: the queues do not tell. Raises BrokerDown.
        """
        try:
            Event(name=event)
        except ValueError:
            return None  # the broker need not hear a name that no queue can have
        if await self._broker.depth(names.dead_queue(event)) is None:
            return None
        moment = await asyncio.to_thread(self._store.moment, BATCHES)
        return await self._asked(event, moment)

    async def _read(self) -> Now:
        snapshot, problem = None, None
        try:
            snapshot = await self._management.snapshot()
        except ManagementDown as error:
            problem = str(error)
        # Before the queues: a job that begins meanwhile would be counted twice otherwise.
        moment = await asyncio.to_thread(self._store.moment, BATCHES)
        told = snapshot.queues if snapshot else ()
        behind, queues = await asyncio.gather(
            self._behind(),
            asyncio.gather(*(self._queues(each, moment, returned(each, snapshot, moment)) for each in told)),
        )
        if snapshot is not None:
            snapshot = replace(snapshot, queues=tuple(queues), nodes=with_busy(snapshot.nodes, moment.busy()))
        return Now(at=time.time(), snapshot=snapshot, problem=problem, moment=moment, behind=behind)

    async def _behind(self) -> int:
        try:
            waiting = await self._broker.depth(names.STATUS_QUEUE) or 0
        except BrokerDown:
            waiting = 0
        return waiting + self._not_recorded()

    async def _queues(self, counted: EventQueues, moment: Moment, returned: int) -> EventQueues:
        try:
            asked = await self._asked(counted.event, moment, returned)
            return replace(asked, consumers=counted.consumers)
        except BrokerDown:
            return counted

    async def _asked(self, event: str, moment: Moment, returned: int = 0) -> EventQueues:
        states = moment.states.get(event, {})
        depth = await self._broker.depth(event)
        dead = await self._broker.depth(names.dead_queue(event))
        if (held := self._dead_messages(event)) is not None:
            dead = held
        running, retrying = states.get("RUNNING", 0), states.get("RETRYING", 0)
        over = not (depth or running or retrying) and is_silent(moment.changed.get(event, 0), moment.at)
        waiting = states.get("QUEUED", 0) + (0 if over else moment.waiting.get(event, 0))
        return EventQueues(
            event=event,
            queued=waiting + without_batch((depth or 0) - returned, waiting, states),
            taken=running,
            retrying=retrying,
            dead=dead or 0,
            counted=True,
            over=over,
        )


def without_batch(depth: int, waiting: int, states: Mapping[str, int]) -> int:
    """Messages of a queue that the history knows nothing of.

    A job whose wait for another run is over is in the queue, and retrying until that run begins.
    """
    return max(0, depth - waiting - states.get("RETRYING", 0))


def returned(counted: EventQueues, snapshot: Snapshot | None, moment: Moment) -> int:
    """Messages in the event's queue of jobs that count as running, since the death of their node is not told.

    Both must say so: the jobs' nodes take no jobs now, and the broker has no consumer for so many messages.
    """
    taking = {node.node for node in snapshot.nodes} if snapshot else set()
    of_event = {node: jobs for (event, node), jobs in moment.running.items() if event == counted.event}
    gone = sum(jobs for node, jobs in of_event.items() if node not in taking)
    return min(gone, max(0, sum(of_event.values()) - counted.taken))


def with_busy(nodes: Iterable[Node], busy: Mapping[str, int]) -> tuple[Node, ...]:
    """The nodes with the number of jobs that run there, and those that take none and yet have some."""
    taking = tuple(replace(node, busy=busy.get(node.node, 0)) for node in nodes)
    gone = sorted(busy.keys() - {node.node for node in taking} - {""})
    return (*taking, *(Node(node=name, consumers=0, slots=0, busy=busy[name]) for name in gone))
