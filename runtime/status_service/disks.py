"""How full the disks are that the cluster cannot do without: of the share, the history, the catalogue."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.status_service.question import Question

log = logging.getLogger(__name__)

SHARE, HISTORY, CATALOGUE = "share", "history", "catalogue"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Sizes in bytes; ``free`` is for users other than root."""

    place: str
    size: int
    free: int


@dataclass(frozen=True, kw_only=True)
class DisksNow:
    """Disks that were told of, and the places that do not answer."""

    told: Sequence[Disk] = ()
    silent: Sequence[str] = ()


# The disk of a place, or none where it answers and cannot tell.
Found = tuple[Disk, ...]
Look = Callable[[], Coroutine[Any, Any, Found]]


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

    async def look(self) -> DisksNow:
        """How full they are now."""
        answers = await asyncio.gather(*(each.answer() for each in self._questions.values()))
        found = dict(zip(self._questions, answers, strict=True))
        return DisksNow(
            told=[disk for disks in answers for disk in disks or ()],
            silent=[place for place, disks in found.items() if disks is None],
        )

    async def _ask(self, place: str, look: Look) -> Found | None:
        """None if the place does not answer."""
        try:
            found = await look()
        except (OSError, xml_rpc.Fault) as error:
            if str(error) != self._problems.get(place):
                log.warning("nothing is known of the disk of the %s: %s", place, error)
            self._problems[place] = str(error)
            return None
        self._problems.pop(place, None)
        return found


def _of_folder(place: str, folder: Path) -> Found:
    about = os.statvfs(folder)
    size, free = about.f_blocks * about.f_frsize, about.f_bavail * about.f_frsize
    return (Disk(place=place, size=size, free=free),)


async def _of_catalogue(file_manager: FileManager) -> Found:
    told = await file_manager.disk()
    return (Disk(place=CATALOGUE, size=told[0], free=told[1]),) if told else ()
