"""How full the disks are that the cluster cannot do without: of the share, the history, the catalogue."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager

log = logging.getLogger(__name__)

# A share whose server is away does not answer. Then nothing is told of it.
ANSWER_SECONDS = 5.0
CATALOGUE = "catalogue"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Sizes in bytes; ``free`` is for users other than root."""

    place: str
    size: int
    free: int


Look = Callable[[], Coroutine[Any, Any, Disk | None]]


class Disks:
    """Looks at folders, by the name of their place. The File Manager tells of its catalogue's disk."""

    def __init__(self, folders: Mapping[str, Path], file_manager: FileManager | None = None) -> None:
        self._looks: dict[str, Look] = {
            place: partial(asyncio.to_thread, _of_folder, place, folder) for place, folder in folders.items()
        }
        if file_manager:
            self._looks[CATALOGUE] = partial(_of_catalogue, file_manager)
        # One that does not answer keeps a thread, and is not asked again meanwhile.
        self._asked: dict[str, asyncio.Task[Disk | None]] = {}
        self._problems: dict[str, str] = {}

    async def look(self) -> list[Disk]:
        """The disks that answer."""
        for place in self._looks:
            if place not in self._asked or self._asked[place].done():
                self._asked[place] = asyncio.create_task(self._ask(place))
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=ANSWER_SECONDS)
        return [disk for task in self._asked.values() if task.done() and (disk := task.result())]

    async def _ask(self, place: str) -> Disk | None:
        try:
            disk = await self._looks[place]()
        except (OSError, xml_rpc.Fault) as error:
            if str(error) != self._problems.get(place):
                log.warning("nothing is known of the disk of the %s: %s", place, error)
            self._problems[place] = str(error)
            return None
        self._problems.pop(place, None)
        return disk


def _of_folder(place: str, folder: Path) -> Disk:
    about = os.statvfs(folder)
    return Disk(place=place, size=about.f_blocks * about.f_frsize, free=about.f_bavail * about.f_frsize)


async def _of_catalogue(file_manager: FileManager) -> Disk | None:
    told = await file_manager.disk()
    return Disk(place=CATALOGUE, size=told[0], free=told[1]) if told else None
