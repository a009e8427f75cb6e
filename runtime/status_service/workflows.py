"""The workflows of the cluster: what their policies say, and the settings of each event."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from runtime import names
from runtime.messaging.event import Event
from runtime.policy.outline import Outline, outline
from runtime.status_service.question import Question
from runtime.status_service.swarm import SwarmWatch


class Workflows:
    """Those in the folder CONFIG, a copy that never changes, and the EVENTS that jobs are sent to."""

    def __init__(self, config: Path, events: Sequence[Event]) -> None:
        self._config = config
        self._events = {event.name: event for event in events}
        self._read: Outline | None = None
        self._reading = Question(partial(asyncio.to_thread, outline, config))

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
        found = await self._reading.answer()
        if found is None:
            return Outline(problems=(f"{self._config} does not answer: see whether the share is there",))
        if not found.problems:
            self._read = found
        return found
