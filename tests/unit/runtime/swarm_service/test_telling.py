"""What is told of the swarm while somebody changes it."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from runtime.messaging.broker import Broker
from runtime.swarm_service import telling
from runtime.swarm_service.engine import Engine
from runtime.swarm_service.telling import Telling


def test_what_was_seen_first_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    availability = ["active"]
    told: list[str] = []

    async def look(*_: Any) -> str:
        seen = availability[0]
        await asyncio.sleep(0.05 if seen == "active" else 0)
        return seen

    async def tell(_: Any, swarm: str) -> None:
        told.append(swarm)

    async def story() -> None:
        told_of = Telling(cast(Engine, None), cast(Broker, None), looked=tmp_path / "looked")
        looking = asyncio.create_task(told_of.tell())
        await asyncio.sleep(0)
        availability[0] = "drain"
        await told_of.tell()
        await looking

    monkeypatch.setattr(telling, "look", look)
    monkeypatch.setattr(telling, "tell", tell)
    asyncio.run(story())
    assert told == ["active", "drain"]
