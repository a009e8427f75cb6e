"""What the long-running processes share: logging, settings, and an orderly end on SIGTERM."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runtime.environment import SettingError

log = logging.getLogger(__name__)

Settings = TypeVar("Settings")
Work = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run_process(work: Work[Settings], read: Callable[[], Settings]) -> int:
    """Run WORK with the settings that READ gives, and return the exit code: 2 if READ raises SettingError.

    WORK gets an event, which is set when the process is told to stop.
    """
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    # pika reports each failed connection in a dozen lines; runtime.messaging.broker says the same in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    os.umask(0o002)
    try:
        settings = read()
    except SettingError as error:
        log.error("%s", error)
        return 2
    asyncio.run(_until_stopped(work, settings))
    log.info("stopped")
    return 0


async def _until_stopped(work: Work[Settings], settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(settings, stop)
