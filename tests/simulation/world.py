"""A cluster in one process: containers, broker, File Manager, status service, share, and what goes wrong."""

import asyncio
import contextlib
import contextvars
import logging
import random
import re
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pika
from inotify_simple import INotify

from runtime import names
from runtime.actions.edits import Edit, again
from runtime.messaging import broker as messaging
from runtime.messaging import messages
from runtime.messaging.announcements import Redrive, encode, routing_key
from runtime.messaging.event import Event
from runtime.messaging.topology import DELIVERY_LIMIT, LEAST_LIMIT, MOST_RETURNS
from runtime.oodt import xml_rpc
from runtime.records import journal
from runtime.records.entries import SUFFIX
from runtime.records.pauses import Pauses
from runtime.worker import intake, reports, taking
from tests.simulation.clock import PROCESS, Killed, Loop, Process
from tests.simulation.container import FILE_MANAGER_URL, Container, of_run_dir
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults
from tests.simulation.file_manager import FileManager
from tests.simulation.invariants import Watch
from tests.simulation.network import Network, Server, server_of
from tests.simulation.rabbitmq import STAMP, RabbitMQ
from tests.simulation.status import StatusService

EPOCH = 1_800_000_000.0
EVENT = "event"
# As long as this the cluster has when nothing goes wrong any more.
SETTLE_SECONDS = 2 * 3600.0
CRAWL_SECONDS = 600.0
PROBE = "probe-"
PROBE_SECONDS = 60.0
# Workers look so often whether an event is paused. In a cluster they do every two seconds.
PAUSES_SECONDS = 20.0

Story = Callable[["World"], Coroutine[Any, Any, None]]
# What a reader of a trace can do without.
QUIET = re.compile(r"disk (?!link|rename)")


class World:
    """One schedule. ``with World(...) as world: world.run(story)``."""

    def __init__(
        self, folder: Path, faults: Faults, *, workers: int = 2, foreign: bool = False, **event: Any
    ) -> None:
        self.folder = folder
        self.faults = faults
        self.random = random.Random(faults.seed)
        self.events = (Event(name=EVENT, **{"max_workflows": 2, "job_timeout": 100, **event}),)
        self.lease = 30.0
        self.stop_grace = 120
        self.stamps = True  # whether the broker adds the time to a message
        self.clients_transfer = True
        self.full_until = self.broken_until = 0.0  # the share
        self.slow_seconds: tuple[float, ...] = (2.0, 20.0, 90.0)  # of an answer
        self.delivery_limit = DELIVERY_LIMIT
        self.foreign = foreign  # whether the event's queue is somebody else's
        self.most_returns = MOST_RETURNS
        self.steps = 0
        self.over = False
        self.trace: list[tuple[float, str, str]] = []
        self._sent: dict[str, tuple[bytes, pika.BasicProperties]] = {}  # by the id of the message
        self.sent_without_id = 0
        self.sent_again: set[str] = set()
        self.disturbed = False  # whether something went wrong
        self.poison: list[str] = []
        self._runs: dict[str, int] = {}
        self.ledger = folder / "share" / "ledger"
        self.ledger.mkdir(parents=True)
        self.pauses = Pauses(self.ledger)
        self._workers = workers

    def __enter__(self) -> "World":
        self._exits = contextlib.ExitStack()
        self.loop = Loop()
        self.watch = Watch(self)
        self.network = Network(self)
        self.rabbitmq = RabbitMQ(self, self.events)
        self.file_manager = FileManager(self)
        self.status = StatusService(self)
        self.containers = [Container(self, f"node{number}") for number in range(1, self._workers + 1)]
        for edge in (
            Disk(self, self.folder / "share").simulated(),
            mock.patch.object(time, "time", self.clock),
            mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(int=self.random.getrandbits(128), version=4)),
            mock.patch.object(xml_rpc, "post", self.network.post),
            mock.patch.object(xml_rpc, "session", lambda: contextlib.nullcontext(None)),
            mock.patch.object(messaging, "connect", self.rabbitmq.connect),
            mock.patch.object(journal, "INotify", _inotify),
            mock.patch.object(intake, "MOST_RETURNS", self.most_returns),
            mock.patch.object(reports, "MOST_RETURNS", self.most_returns),
            mock.patch.object(taking, "LOOK_SECONDS", PAUSES_SECONDS),
            self._logged(),
        ):
            self._exits.enter_context(edge)
        random.seed(self.faults.seed)
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.loop.set_exception_handler(lambda *_: None)
        try:
            self.loop.run_until_complete(self.loop.end())
        finally:
            self._exits.close()
            self.loop.close()

    # What the parts ask for.

    def clock(self) -> float:
        process = PROCESS.get()
        return EPOCH + self.loop.now + (self.faults.skew(process.name) if process else 0.0)

    def disk_time(self) -> float:
        return EPOCH + self.loop.now - 7.0

    def disk_seconds(self) -> float:
        if self.happens("slow disk"):
            return self.random.uniform(1, 45)
        return self.random.choice((0.0005, 0.001, 0.004))

    def milliseconds(self) -> int:
        return int((EPOCH + self.loop.now) * 1000)

    def latency(self) -> float:
        return self.random.choice((0.0005, 0.001, 0.003, 0.01))

    def heartbeat(self) -> float:
        """When the broker notices that a client is gone."""
        return self.random.choice((0.01, 0.01, 2.0, 45.0))

    def place(self, name: str) -> str:
        return f"/archive/{name}"

    def later(
        self, seconds: float, call: Callable[..., object], *arguments: Any, process: Process | None = None
    ) -> None:
        """Call something later, which is the PROCESS's doing, or nobody's."""
        context = process.context if process else contextvars.Context()
        self.loop.call_later(seconds, _unless_killed, call, arguments, context=context)

    def note(self, text: str) -> None:
        """Put something into the trace."""
        self.disturbed = self.disturbed or text.startswith("FAULT")
        process = PROCESS.get()
        self.trace.append((self.loop.now, process.name if process else "", text))

    def step(self, kind: str, about: str) -> None:
        """Something that a process does, before or after which it may die. Raises Killed if it does."""
        process = PROCESS.get()
        if self.over or process is None:
            return
        if not process.alive:
            raise Killed
        self.steps += 1
        self.trace.append((self.loop.now, process.name, f"{kind} {about}"))
        if self.faults.strikes(self, process, self.steps) and not process.alive:
            raise Killed

    def happens(self, kind: str, about: str = "") -> bool:
        """Whether this goes wrong now."""
        if self.over or not self.faults.happens(self, kind, about):
            return False
        self.note(f"FAULT: {kind} {about}")
        return True

    def plan_of_next_run(self, job: str, plan: str) -> str:
        words = plan.split()
        number = self._runs.get(job, 0)
        self._runs[job] = number + 1
        return words[min(number, len(words) - 1)]

    def runs_now(self, run_dir: Path, runs: set[str]) -> None:
        """A container's Workflow Manager has these at work."""
        number = sum(run.startswith(PROBE) for run in runs)
        container = of_run_dir(self.containers, run_dir)
        container.most_at_once = max(container.most_at_once, number)

    def announced(self, fields: dict[str, Any]) -> None:
        self.watch.announced(fields)

    def recorded(self, path: str) -> None:
        if path.endswith(SUFFIX):
            contextvars.Context().run(self.watch.recorded, Path(path))

    def removed_product(self, product: str) -> None:
        self.watch.removed_product(product)

    def removed_file(self, path: str) -> None:
        self.watch.removed_file(path)

    # What a user and an operator do.

    @property
    def foreign_limit(self) -> int:
        """How often a message may be returned to a queue of somebody else's."""
        return self.most_returns + LEAST_LIMIT - MOST_RETURNS

    @property
    def sent(self) -> list[str]:
        return list(self._sent)

    def send(self, job: str | None, plan: str = "ok", *, batch: str | None = None, **metadata: str) -> None:
        """A message that its sender knows to be in the queue."""
        body = messages.encode({"Plan": plan, "Job": job or str(self.sent_without_id), **metadata})
        if job is None:
            properties = _plain()
            self.sent_without_id += 1
        else:
            properties = messages.properties_of(job, batch=batch)
            self._sent[job] = body, properties
        self.note(f"user: sends {job}: {plan}")
        self.rabbitmq.route(names.EXCHANGE, EVENT, body, properties)

    def send_twins(self, **metadata: str) -> None:
        """Two messages without an id that have body and time in common, and are two jobs."""
        for _ in range(2):
            self.sent_without_id += 1
            properties = _plain()
            properties.timestamp = int(self.clock())
            properties.headers = {STAMP: self.milliseconds()} if self.stamps else None
            self.note("user: sends a twin")
            self.rabbitmq.route(
                names.EXCHANGE, EVENT, messages.encode({"Plan": "ok", **metadata}), properties
            )

    def send_poison(self) -> None:
        """A message that is no job."""
        message = f"poison-{len(self.poison)}"
        self.poison.append(message)
        self.note(f"user: sends {message}")
        self.rabbitmq.route(names.EXCHANGE, EVENT, b"{", messages.properties_of(message))

    def send_again(self, job: str) -> None:
        """The same message once more, if it was sent."""
        if job in self._sent:
            body, properties = self._sent[job]
            self.sent_again.add(job)
            self.note(f"user: sends {job} again")
            self.rabbitmq.route(names.EXCHANGE, EVENT, body, properties)

    def redrive(self, edit: Edit | None = None) -> None:
        """Put all dead jobs back into their queue, as the command does, perhaps with other metadata."""
        token = uuid.uuid4().hex
        dead = self.rabbitmq.queues[names.dead_queue(EVENT)]
        for message in list(dead.ready):
            job = messages.job_id(EVENT, message.properties, message.body)
            put_back, body, _ = again(EVENT, message.properties, message.body, redrive=token, edit=edit)
            self.note(f"operator: redrives {job} {edit or ''}")
            self.rabbitmq.route(names.EXCHANGE, EVENT, body, put_back)
            if self.happens("redrive broken off"):
                return
            announcement = Redrive(
                job=job, event=EVENT, redrive=token, batch=messages.batch_of(message.properties)
            )
            key = routing_key(announcement)
            self.rabbitmq.route(names.EVENTS_EXCHANGE, key, encode(announcement), _plain())
            dead.ready.remove(message)

    def cancel(self, job: str) -> None:
        self.note(f"operator: cancels {job}")
        self.status.ask(self.status.cancellation.job(EVENT, job, batch=None))

    def cancel_batch(self, batch: str) -> None:
        self.note(f"operator: cancels batch {batch}")
        self.status.ask(self.status.cancellation.batch(EVENT, batch))

    def pause(self) -> None:
        self.note("operator: pauses the event")
        self.status.ask(asyncio.to_thread(self.pauses.pause, EVENT, who="operator"))

    def resume(self) -> None:
        self.note("operator: resumes the event")
        self.status.ask(asyncio.to_thread(self.pauses.resume, EVENT))

    # The course of a schedule.

    def start_file_manager(self) -> None:
        process = Process(self.loop, "filemgr")
        process.ends.append(self.file_manager.died)
        self.network.servers[FILE_MANAGER_URL] = Server(
            process=process, answer=server_of(self.file_manager.handle)
        )

    def run(self, story: Story) -> None:
        """Live through a story, then let everything settle, and look whether all is as it should be."""
        self.loop.run_until_complete(self._live(story))

    async def _live(self, story: Story) -> None:
        self.start_file_manager()
        self.status.start()
        for container in self.containers:
            container.start()
        self.faults.begin(self)
        await story(self)
        self.faults.end(self)
        await self.until_settled()
        # A crawler of a run that was given up may still be at work, and then its worker has to clear up.
        await asyncio.sleep(CRAWL_SECONDS)
        self.watch.check()
        await self._probe()
        self.watch.raise_what_was_seen()

    async def _probe(self) -> None:
        """Every worker has all its slots: as many long jobs as there are slots all run at once."""
        for container in self.containers:
            container.most_at_once = 0
        number = sum(container.width for container in self.containers)
        for each in range(number):
            self.send(f"{PROBE}{each}", Seconds=str(PROBE_SECONDS / 2))
        await asyncio.sleep(PROBE_SECONDS / 3)
        self.watch.check_width(self.containers)
        await self.until_settled()
        self.watch.check()

    async def until_settled(self) -> None:
        """Return once no message waits or is being worked on, or after hours."""
        deadline = self.loop.now + SETTLE_SECONDS
        while not self._settled() and self.loop.now < deadline:
            self.watch.raise_what_was_seen()
            await asyncio.sleep(5)

    def _settled(self) -> bool:
        return not any(
            queue.messages
            for name, queue in self.rabbitmq.queues.items()
            if name not in {names.dead_queue(EVENT), names.STATUS_QUEUE}
        )

    @contextlib.contextmanager
    def _logged(self) -> Iterator[None]:
        handler = _Trace(self)
        logger = logging.getLogger("runtime")
        level, propagate = logger.level, logger.propagate
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate

    def told(self) -> str:
        """The trace, for a reader: time, process, step."""
        return "\n".join(
            f"{at:10.4f} {who:16} {what}" for at, who, what in self.trace if not QUIET.match(what)
        ).replace(str(self.folder), "")


def _unless_killed(call: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    with contextlib.suppress(Killed):
        call(*arguments)


def _inotify(**about: Any) -> INotify:
    """One that ends with the process: a user may have some hundred."""
    made = INotify(**about)
    if process := PROCESS.get():
        process.ends.append(made.close)
    return made


def _plain() -> pika.BasicProperties:
    return pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent.value)


class _Trace(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text += f" ({record.exc_info[1]!r})"
        self._world.note(f"log: {text}")
