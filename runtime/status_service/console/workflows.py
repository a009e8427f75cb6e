"""Workflows: the tasks of each event's jobs, their settings, how long runs take, what fails and why."""

import asyncio
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, Request, Response

from runtime.status_service import lines
from runtime.status_service.console.overview import NO_RATE, queues_of
from runtime.status_service.console.render import page
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Parts, Service
from runtime.status_service.store import BOUNDS

router = APIRouter()
FAILURES, REASONS = 10, 20


@router.get("/workflows")
async def every(request: Request, service: Service) -> Response:
    about = await _about(service)
    described: dict[str, dict[str, Any]] = about["described"]
    events = sorted(about["queues"].keys() | about["states"].keys() | described.keys())
    return page(request, "workflows.html", events=events, **about)


@router.get("/workflows/{event:name}")
async def one(request: Request, service: Service, event: str) -> Response:
    about = await _about(service)
    if not any(event in about[known] for known in ("queues", "states", "described")):
        raise Refused(404, f"no event {event} is known")
    details = await asyncio.to_thread(_details, service, event)
    return page(request, "workflow.html", event=event, **about, **details)


async def _about(service: Parts) -> dict[str, Any]:
    """What is known of all events."""
    now = await service.numbers.lately()
    view, paused = await asyncio.gather(service.workflows.view(service.swarm), service.paused.look())
    rates = await asyncio.to_thread(lines.rates, service.store)
    return {
        "queues": {each.event: each for each in queues_of(now)},
        "states": now.states,
        "described": {each["event"]: each for each in view["events"]},
        "problems": view["problems"],
        "managers": view["workflow_managers"],
        "rates": rates,
        "no_rate": NO_RATE,
        "paused": paused.events or frozenset(),
        "pauses": paused,
    }


def _details(service: Parts, event: str) -> dict[str, Any]:
    reasons, rest = service.store.reasons_and_rest(event=event, batch=None, limit=REASONS)
    return {
        "run_times": _histogram(service.store.totals().get(event, {}), "run"),
        "reasons": reasons,
        "rest": rest,
        "failures": service.store.jobs({"event": event, "state": "DEAD"}, limit=FAILURES),
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
