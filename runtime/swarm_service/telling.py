"""Tells the status service what the swarm looks like."""

import asyncio
import time
from pathlib import Path

from runtime.messaging.broker import Broker
from runtime.messaging.facts import tell
from runtime.swarm_service.aging import Aging
from runtime.swarm_service.engine import Engine
from runtime.swarm_service.look import look


class Telling:
    """One look after the other, each told before the next: what is told last was seen last.

    ``looked`` is the file that says when docker answered last.
    """

    def __init__(self, engine: Engine, broker: Broker, *, looked: Path) -> None:
        self._engine = engine
        self._broker = broker
        self._looked = looked
        self._aging = Aging(engine)
        self._turn = asyncio.Lock()

    async def tell(self) -> None:
        """Raises EngineDown, BrokerDown, Rejected."""
        async with self._turn:
            swarm = await look(self._engine, self._aging)
            self._looked.write_text(f"{time.time():.0f}\n")
            await tell(self._broker, swarm)
