"""What the long-running processes share: logging, settings, and an orderly end on SIGTERM."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runtime import json_log
from runtime.environment import SettingError

log = logging.getLogger(__name__)

Settings = TypeVar("Settings")
Work = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run_process(name: str, work: Work[Settings], read: Callable[[], Settings]) -> int:
    """Run WORK with the settings that READ gives, and return the exit code: 2 if READ raises SettingError.

    WORK gets an event, which is set when the process is told to stop. NAME is the process's in the log.
    """
    json_log.configure(name)
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
