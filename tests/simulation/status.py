"""The status service as a process: true recorder, history and cancellation."""

import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from runtime.messaging.broker import Broker
from runtime.messaging.topology import status_topology
from runtime.records.ledger import Ledger
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.recorder import Recorder
from runtime.status_service.store import Store
from tests.simulation.clock import Process
from tests.simulation.container import BROKER_URL, RESTART_SECONDS

if TYPE_CHECKING:
    from tests.simulation.world import World

NAME = "status"


class StatusService:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process(self._world.loop, NAME)
        self.process.spawn(self._main(self.process))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._world.later(self._world.random.uniform(*RESTART_SECONDS), self.start)

    def ask(self, request: Coroutine[Any, Any, object]) -> None:
        """Carry out an operator's request; it may fail, as the operator is told."""
        assert self.process is not None

        async def carry_out() -> None:
            try:
                self._world.note(f"status service: {await request}")
            except OSError as error:
                self._world.note(f"status service: {error!r}")

        if self.process.alive:
            self.process.spawn(carry_out())
        else:
            request.close()

    async def _main(self, process: Process) -> None:
        store = Store(self._world.folder / "history.sqlite", keep=1000)
        process.ends.append(store.close)
        async with Broker(BROKER_URL, name=NAME, topology=status_topology()) as broker:
            ledger = Ledger(self._world.ledger, node=NAME, lease=self._world.lease)
            self.cancellation = Cancellation(ledger, store, broker)
            with contextlib.suppress(BaseExceptionGroup):
                await Recorder(broker, store, self.cancellation.cancel_late).run()
