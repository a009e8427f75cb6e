"""How full the disks are that the cluster cannot do without: the share, and the history's own."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

# A share whose server is away does not answer. Then nothing is told of it.
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Sizes in bytes; ``free`` is for users other than root."""

    place: str
    size: int
    free: int


class Disks:
    """Looks at folders, by the name of their place."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        # One that does not answer keeps a thread, and is not asked again meanwhile.
        self._asked: dict[str, asyncio.Task[Disk | None]] = {}

    async def look(self) -> list[Disk]:
        """The disks that answer."""
        for place, folder in self._folders.items():
            if place not in self._asked or self._asked[place].done():
                self._asked[place] = asyncio.create_task(asyncio.to_thread(_look, place, folder))
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=ANSWER_SECONDS)
        return [disk for task in self._asked.values() if task.done() and (disk := task.result())]


def _look(place: str, folder: Path) -> Disk | None:
    try:
        about = os.statvfs(folder)
    except OSError as error:
        log.warning("nothing is known of the disk of %s: %s", folder, error)
        return None
    return Disk(place=place, size=about.f_blocks * about.f_frsize, free=about.f_bavail * about.f_frsize)
