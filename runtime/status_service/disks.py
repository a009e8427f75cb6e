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
from runtime.status_service.question import Question

log = logging.getLogger(__name__)

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
        looks: dict[str, Look] = {
            place: partial(asyncio.to_thread, _of_folder, place, folder) for place, folder in folders.items()
        }
        if file_manager:
            looks[CATALOGUE] = partial(_of_catalogue, file_manager)
        self._questions = {place: Question(partial(self._ask, place, look)) for place, look in looks.items()}
        self._problems: dict[str, str] = {}

    async def look(self) -> list[Disk]:
        """The disks that answer."""
        found = await asyncio.gather(*(each.answer() for each in self._questions.values()))
        return [disk for disk in found if disk]

    async def _ask(self, place: str, look: Look) -> Disk | None:
        try:
            disk = await look()
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
