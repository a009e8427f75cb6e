"""Workflows: what each event's jobs do, how long they take, what failed last."""

import asyncio
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, Request, Response

from runtime.status_service import lines
from runtime.status_service.console.overview import NO_RATE, queues_of
from runtime.status_service.console.render import page
from runtime.status_service.parts import Parts, Service
from runtime.status_service.store import BOUNDS

router = APIRouter()
FAILURES = 5


@router.get("/workflows")
async def every(request: Request, service: Service) -> Response:
    now = await service.numbers.now()
    queues = {each.event: each for each in queues_of(now)}
    events = sorted(queues.keys() | now.states.keys())
    details = await asyncio.to_thread(_details, service, events)
    return page(
        request, "workflows.html", events=events, queues=queues, states=now.states, no_rate=NO_RATE, **details
    )


def _details(service: Parts, events: list[str]) -> dict[str, Any]:
    totals = service.store.totals()
    return {
        "rates": lines.rates(service.store),
        "run_times": {event: _histogram(totals.get(event, {}), "run") for event in events},
        "failures": {
            event: service.store.jobs({"event": event, "state": "DEAD"}, limit=FAILURES) for event in events
        },
        "paused": service.operations.pauses.names(),
    }


def _histogram(totals: dict[str, float], name: str) -> list[tuple[float, float | None, int]]:
    """How many took from so long to so long."""
    bounds: list[float | None] = [0, *BOUNDS, None]
    keys = [*(str(bound) for bound in BOUNDS), "+Inf"]
    found = [
        (low or 0, high, int(totals.get(f"{name}:{key}", 0)))
        for (low, high), key in zip(pairwise(bounds), keys, strict=True)
    ]
    return [row for row in found if row[2]]
