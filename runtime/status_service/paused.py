"""Which events are paused, for all who look: the share that knows may not answer."""

import asyncio
import logging
from collections.abc import Set
from dataclasses import dataclass

from runtime.records.pauses import Pauses
from runtime.status_service.question import Question

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Paused:
    """``events`` are as the share has told last, None if it never has. It does not answer if not ``now``."""

    events: Set[str] | None
    now: bool


class PausedEvents:
    """Asks the share, and remembers what it has told."""

    def __init__(self, pauses: Pauses) -> None:
        self._pauses = pauses
        self._question = Question(self._ask)
        self._told: Set[str] | None = None
        self._problem = ""

    async def look(self) -> Paused:
        """The paused events, as far as they are known."""
        now = await self._question.answer()
        return Paused(events=self._told, now=bool(now))

    async def _ask(self) -> bool:
        """Whether the share answers."""
        try:
            self._told = await asyncio.to_thread(self._pauses.names)
        except OSError as error:
            if str(error) != self._problem:
                log.warning("the share does not tell which events are paused: %s", error)
            self._problem = str(error)
            return False
        self._problem = ""
        return True
