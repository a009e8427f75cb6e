"""A Workflow Manager container: true consumer and gateway, a simulated JVM, and their supervisor."""

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runtime import consumer
from runtime.gateway import Gateway
from runtime.proxy.evidence import Evidence
from runtime.records.journal import RUNS
from runtime.records.ledger import Ledger
from runtime.worker.settings import WorkerSettings
from tests.simulation.clock import Process
from tests.simulation.network import Server, server_of
from tests.simulation.workflow_manager import WorkflowManager

if TYPE_CHECKING:
    from tests.simulation.world import World

FILE_MANAGER_URL = "http://filemgr:9000"
BROKER_URL = "amqp://user:password@rabbitmq:5672/%2F"
RESTART_SECONDS = (0.5, 4.0)
JVM_SECONDS = (2.0, 8.0)
CONTAINER_SECONDS = (5.0, 20.0)
# Docker kills a container that has not stopped by then.
STOP_MARGIN_SECONDS = 5.0


class _Request:
    """As much of aiohttp's request as the gateway asks for."""

    method = "POST"
    content_length = 0

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


class Container:
    """One container after another on one node."""

    def __init__(self, world: "World", node: str) -> None:
        self._world = world
        self.node = node
        self._lives = 0
        self.processes: dict[str, Process] = {}
        self.wm_url = f"http://{node}:8001"
        self.gateway_url = f"http://{node}:9000"
        self._stopping = False
        self.most_at_once = 0

    @property
    def width(self) -> int:
        return sum(event.max_workflows for event in self._world.events)

    def start(self) -> None:
        """A new container, without a journal."""
        self._lives += 1
        self._stopping = False
        self.run_dir = self._world.folder / f"{self.node}-{self._lives}"
        (self.run_dir / RUNS).mkdir(parents=True)
        for name in ("wmgr", "gateway", "consumer"):
            self._start(name)

    def kill(self) -> None:
        """The container and all in it die. Another takes its place."""
        self._stopping = True
        for process in list(self.processes.values()):
            process.kill()
        self.processes.clear()
        self._world.later(0, shutil.rmtree, self.run_dir, True)
        self._world.later(self._world.random.uniform(*CONTAINER_SECONDS), self.start)

    def kill_process(self, name: str) -> None:
        """The supervisor starts it again."""
        self.processes[name].kill()
        self._restart(name)

    def freeze(self, *names: str) -> None:
        for name in names or tuple(self.processes):
            self.processes[name].freeze()

    def thaw(self) -> None:
        for process in self.processes.values():
            process.thaw()

    def stop(self) -> None:
        """SIGTERM: the consumer drains, and then the container ends. Another takes its place."""
        if not self._stopping:
            self._stopping = True
            self.processes["consumer"].spawn(self._drain())
            self._world.later(self._world.stop_grace + STOP_MARGIN_SECONDS, self._kill_life, self._lives)

    def _kill_life(self, life: int) -> None:
        if self._lives == life and self.processes:
            self.kill()

    async def _drain(self) -> None:
        self._stop.set()

    def _restart(self, name: str) -> None:
        lives = self._lives
        seconds = JVM_SECONDS if name == "wmgr" else RESTART_SECONDS

        def again() -> None:
            if self._lives == lives and not self._stopping and not self.processes[name].alive:
                self._start(name)

        self._world.later(self._world.random.uniform(*seconds), again)

    def _start(self, name: str) -> None:
        process = Process(self._world.loop, f"{self.node}.{name}")
        self.processes[name] = process
        process.spawn(self._main(name, process))

    async def _main(self, name: str, process: Process) -> None:
        await {"wmgr": self._wmgr, "gateway": self._gateway, "consumer": self._consumer}[name](process)

    async def _wmgr(self, process: Process) -> None:
        manager = WorkflowManager(self._world, process, self.run_dir, self.gateway_url, self.width)
        self._world.network.servers[self.wm_url] = Server(process=process, answer=server_of(manager.handle))

    async def _gateway(self, process: Process) -> None:
        settings = self._settings()
        evidence = Evidence(
            settings.run_dir / RUNS, Ledger(settings.ledger, node=settings.node, lease=settings.lease)
        )
        evidence.recall()
        gateway = Gateway(settings, client=cast(Any, None), broker=None, evidence=evidence)

        async def answer(body: bytes) -> bytes:
            response: Any = await gateway.file_manager(cast(Any, _Request(body)))
            return bytes(response.body)

        self._world.network.servers[self.gateway_url] = Server(process=process, answer=answer)

    async def _consumer(self, process: Process) -> None:
        self._stop = asyncio.Event()
        try:
            await consumer.consume(self._settings(), self._stop)
        except OSError as error:
            self._world.note(f"the consumer ended: {error!r}")
        if self._stopping:
            self._world.note("the container has drained")
            self._world.later(0, self._kill_life, self._lives)
        else:
            self._world.later(0, self.kill_process, "consumer")

    def _settings(self) -> WorkerSettings:
        return WorkerSettings(
            events=self._world.events,
            broker_url=BROKER_URL,
            wmgr_url=self.wm_url,
            filemgr_url=FILE_MANAGER_URL,
            gateway_port=9001,
            gateway_url=f"http://{self.node}:9001",
            filemgr_gateway_port=9000,
            ledger=self._world.ledger,
            run_dir=self.run_dir,
            node=self.node,
            stop_grace=self._world.stop_grace,
            lease=int(self._world.lease),
            proxy=False,
        )


def of_run_dir(containers: list[Container], run_dir: Path) -> Container:
    return next(each for each in containers if each.run_dir == run_dir)
