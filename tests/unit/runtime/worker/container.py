"""A worker without broker and OODT: true ledger, journals and course, with fakes at the edges."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

from runtime.messaging.broker import Broker
from runtime.messaging.event import Event
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.records import journal
from runtime.records.journal import Journals
from runtime.records.ledger import Ledger
from runtime.worker.course import Course
from runtime.worker.intake import Intake
from runtime.worker.leases import Leases
from runtime.worker.reports import Reports
from runtime.worker.runner import Runner
from testing.standins.file_manager import FileManager as StandIn
from tests.unit.runtime.file_managers import Client
from tests.unit.runtime.worker.fakes import EVENT, FakeBroker

Result = TypeVar("Result")
BOOT = "boot"
TASK = "urn:test:Task"
LEASE_SECONDS = 0.3
WAIT_SECONDS = 10.0


class FakeManager:
    """Knows the event, and writes of each run what its SCRIPT says, at once."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self.up = asyncio.Event()
        self.up.set()
        self.stoppable = True
        self.begun: list[str] = []
        self.stopped: list[str] = []
        self.script: Callable[[str], list[dict[str, Any]]] = lambda _: successful()

    async def wait_until_up(self) -> None:
        await self.up.wait()

    def boot(self) -> str:
        return BOOT

    async def handle_event(self, event: str, _metadata: object, run_id: str) -> bool:
        if event != EVENT.name:
            return False
        self.begun.append(run_id)
        self.write(run_id, *self.script(run_id))
        return True

    async def stop(self, run_id: str) -> None:
        self.stopped.append(run_id)
        if self.stoppable:
            self.write(run_id, *ended())

    def write(self, run_id: str, *lines: dict[str, Any]) -> None:
        for line in lines:
            journal.append(self._runs / f"{run_id}.jsonl", line)


def instance() -> list[dict[str, Any]]:
    return [{"kind": "instance", "wm": BOOT, "tasks": [{"id": TASK, "pge": True}]}]


def ended() -> list[dict[str, Any]]:
    return [
        {"kind": "task-ended", "task": TASK},
        {"kind": "status", "status": "FINISHED", "task": TASK},
    ]


def successful() -> list[dict[str, Any]]:
    expects = {"kind": "expects", "task": TASK, "files": [], "problems": []}
    crawling = {"kind": "status", "status": "PGETask_Crawling", "task": TASK}
    return [*instance(), expects, crawling, *ended()]


def failed() -> list[dict[str, Any]]:
    return [*instance(), {"kind": "task-failed", "task": TASK, "error": "exit 1"}, *ended()]


def running() -> list[dict[str, Any]]:
    return [*instance(), {"kind": "status", "status": "STARTED", "task": TASK}]


class Container:
    """Made on a running event loop; ``folder`` holds its share and its run folder."""

    def __init__(self, folder: Path, *, event: Event = EVENT, broker: FakeBroker | None = None) -> None:
        self.broker = broker or FakeBroker()
        self.ledger = Ledger(folder / "ledger", node="node", lease=LEASE_SECONDS)
        self.journals = Journals(folder)
        self.manager = FakeManager(folder / "runs")
        self.leases = Leases(self.ledger)
        runner = Runner(cast(WorkflowManager, self.manager), self.journals)
        self.reports = Reports(cast(Broker, self.broker), node="node", ledger=self.ledger)
        self.course = Course(
            (event,),
            node="node",
            ledger=self.ledger,
            leases=self.leases,
            runner=runner,
            file_manager=Client(StandIn()),
            reports=self.reports,
        )
        self.intake = Intake(
            (event,),
            course=self.course,
            runner=runner,
            reports=self.reports,
            ledger=self.ledger,
            journals=self.journals,
        )

    def take(self, *deliveries: Any) -> None:
        for each in deliveries:
            self.intake.take(each)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def run(folder: Path, story: Callable[[Container], Coroutine[Any, Any, Result]], **about: Any) -> Result:
    """What the STORY of a container comes to."""

    async def told() -> Result:
        container = Container(folder, **about)
        container.journals.follow()
        renewal = asyncio.create_task(container.leases.keep())
        try:
            return await story(container)
        finally:
            renewal.cancel()
            container.journals.stop()

    return asyncio.run(told())
