"""The workflows of the cluster: what their policies say, and the settings of each event."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime import names
from runtime.messaging.event import Event
from runtime.policy.outline import Outline, outline
from runtime.status_service.swarm import SwarmWatch

# A share whose server is away does not answer.
ANSWER_SECONDS = 5.0


class Workflows:
    """Those in the folder CONFIG, a copy that never changes, and the EVENTS that jobs are sent to."""

    def __init__(self, config: Path, events: Sequence[Event]) -> None:
        self._config = config
        self._events = {event.name: event for event in events}
        self._read: Outline | None = None
        # One that does not answer keeps a thread, and is not asked again meanwhile.
        self._reading: asyncio.Task[Outline] | None = None

    async def view(self, swarm: SwarmWatch) -> dict[str, Any]:
        """All events, each with its workflows and settings; the Workflow Managers; what cannot be read."""
        found = await self._outline()
        events = sorted(found.events.keys() | self._events.keys())
        services = swarm.view()["services"]
        return {
            "problems": list(found.problems),
            "workflow_managers": next(
                (each for each in services if each["name"] == names.WMGR_SERVICE), None
            ),
            "events": [self._event(name, found) for name in events],
        }

    def _event(self, name: str, found: Outline) -> dict[str, Any]:
        settings = None
        if name in self._events:
            settings = asdict(self._events[name])
            del settings["name"]
        workflows = [asdict(each) for each in found.events.get(name, ())]
        return {"event": name, "workflows": workflows, "settings": settings}

    async def _outline(self) -> Outline:
        """What was read without problems is not read again."""
        if self._read is not None:
            return self._read
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(outline, self._config))
        await asyncio.wait([self._reading], timeout=ANSWER_SECONDS)
        if not self._reading.done():
            return Outline(problems=(f"{self._config} does not answer: see whether the share is there",))
        found = self._reading.result()
        if not found.problems:
            self._read = found
        return found
