"""The swarm service: ``python -m runtime.swarm_service``."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime import machine, names
from runtime.messaging.address import broker_url
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.facts import TELL_SECONDS
from runtime.messaging.session import Rejected
from runtime.messaging.topology import WISHES_QUEUE, facts_topology
from runtime.process import run_process
from runtime.swarm_service.engine import Engine, EngineDown
from runtime.swarm_service.telling import Telling
from runtime.swarm_service.wishes import grant_wishes

log = logging.getLogger(__name__)

TOPOLOGY = facts_topology(WISHES_QUEUE)


@dataclass(frozen=True, kw_only=True)
class SwarmSettings:
    """What the swarm service must know. ``looked`` is the file that says when docker answered last."""

    broker_url: str
    node: str
    socket: str = names.DOCKER_SOCKET
    looked: Path = Path(names.RUN_DIR) / names.LOOKED_FILE


def swarm_settings(env: Mapping[str, str] = os.environ) -> SwarmSettings:
    """Settings of this container; raises SettingError."""
    return SwarmSettings(
        broker_url=broker_url(env),
        node=env.get(names.NODE_NAME) or socket.gethostname(),
        looked=Path(env.get(names.OODT_RUN_DIR) or names.RUN_DIR) / names.LOOKED_FILE,
    )


async def watch(settings: SwarmSettings, stop: asyncio.Event) -> None:
    """Look at the swarm and tell of it until STOP is set."""
    async with (
        Engine(settings.socket) as engine,
        Broker(settings.broker_url, name=names.SWARM_SERVICE, topology=TOPOLOGY) as broker,
    ):
        telling = Telling(engine, broker, looked=settings.looked)
        log.info("looking at the swarm by %s", settings.socket)
        work = [
            asyncio.create_task(_keep_telling(telling)),
            asyncio.create_task(machine.keep_telling(broker, node=settings.node)),
            asyncio.create_task(grant_wishes(engine, broker, telling)),
        ]
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, *work}, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()
            task.cancel()


async def _keep_telling(telling: Telling) -> None:
    """Until the task is cancelled. Docker calls this container unhealthy when it has long not answered."""
    while True:
        try:
            await telling.tell()
        except (EngineDown, BrokerDown, Rejected) as error:
            log.warning("the swarm's facts could not be told: %s", error)
        await asyncio.sleep(TELL_SECONDS)


if __name__ == "__main__":
    sys.exit(run_process("swarm", watch, swarm_settings))
