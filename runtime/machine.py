"""What a container tells of the machine that it is on: disk, memory, load, and by its time the clock."""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.facts import TELL_SECONDS, Machine, tell
from runtime.messaging.session import Rejected
from runtime.messaging.topology import facts_topology

log = logging.getLogger(__name__)

# Docker keeps containers on the disk that it keeps images on: the one that gets full.
DISK = Path("/")
MEMORY = Path("/proc/meminfo")


@contextlib.asynccontextmanager
async def told(broker_url: str, *, node: str, share: Path | None = None) -> AsyncIterator[None]:
    """Tell of this machine for as long as the block lasts. What fails here must not stop anything else."""
    # A connection of its own, so that no report of a job waits for one of these.
    async with Broker(broker_url, name=f"{node} machine", topology=facts_topology()) as broker:
        telling = asyncio.create_task(keep_telling(broker, node=node, share=share))
        try:
            yield
        finally:
            telling.cancel()


async def keep_telling(broker: Broker, *, node: str, share: Path | None = None) -> None:
    """Tell of this machine until the task is cancelled."""
    while True:
        try:
            await tell(broker, await asyncio.to_thread(seen, node, share))
        except (BrokerDown, Rejected, OSError, ValueError) as error:
            log.debug("the machine's facts could not be told: %s", error)
        await asyncio.sleep(TELL_SECONDS)


def seen(node: str, share: Path | None = None) -> Machine:
    """This machine now; raises OSError, ValueError."""
    disk = shutil.disk_usage(DISK)
    shared = shutil.disk_usage(share) if share else None
    memory = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    return Machine(
        node=node,
        disk=disk.total,
        disk_free=disk.free,
        memory=_bytes(memory["MemTotal"]),
        memory_free=_bytes(memory["MemAvailable"]),
        load=os.getloadavg()[0],
        share=shared.total if shared else None,
        share_free=shared.free if shared else None,
        at=time.time(),
    )


def _bytes(text: str) -> int:
    return int(text.removesuffix("kB")) * 1024
