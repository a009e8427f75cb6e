"""What the broker's management says of its memory and disk."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from runtime.status_service.management import Management, ManagementDown, Snapshot, Supply, supplies
from testing.ports import free_port

BROKER: dict[str, Any] = {
    **{"mem_alarm": False, "mem_used": 5, "mem_limit": 9},
    **{"disk_free_alarm": True, "disk_free": 1, "disk_free_limit": 3},
}


def test_the_broker_is_short_of_what_it_has_an_alarm_for() -> None:
    found = tuple(supplies([BROKER]))
    assert found == (
        Supply(resource="memory", short=False, now=5, limit=9),
        Supply(resource="disk", short=True, now=1, limit=3),
    )
    assert Snapshot(queues=(), nodes=(), supplies=found).short == ["disk"]


def test_of_a_broker_that_is_down_or_does_not_measure_nothing_is_told() -> None:
    assert list(supplies([{}, {**BROKER, "disk_free": "disk_free_monitoring_disabled"}])) == []


def test_an_answer_of_another_form_is_told_as_such() -> None:
    async def ask() -> None:
        app = web.Application()
        app.router.add_get("/api/{path:.*}", lambda _: answer())
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            async with aiohttp.ClientSession() as client:
                await Management(client, f"http://a:b@127.0.0.1:{port}", "amqp://x/oodt").snapshot()
        finally:
            await runner.cleanup()

    async def answer() -> web.Response:
        return web.json_response([[]])

    with pytest.raises(ManagementDown, match="answered in another form"):
        asyncio.run(ask())
