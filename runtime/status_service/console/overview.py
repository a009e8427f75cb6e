"""The first view: queues, slots, throughput, failures, time left, newest batches."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from runtime.status_service import lines
from runtime.status_service.console.render import STATES, page
from runtime.status_service.lines import Rate
from runtime.status_service.management import EventQueues
from runtime.status_service.numbers import Now
from runtime.status_service.parts import Service

router = APIRouter()
BATCHES, REASONS = 15, 8
NO_RATE = Rate(succeeded=0, dead=0)


@router.get("/", summary="The console; it asks for a token first", openapi_extra={"security": []})
async def overview(request: Request, service: Service) -> Response:
    now = await service.numbers.now()
    rates, reasons = await asyncio.to_thread(
        lambda: (
            lines.rates(service.store),
            service.store.reasons(event=None, batch=None, limit=REASONS),
        )
    )
    return page(
        request,
        "overview.html",
        now=now,
        connected=service.broker.connected,
        queues=queues_of(now),
        nodes=now.snapshot.nodes if now.snapshot else (),
        rates=rates,
        rate=total(rates),
        no_rate=NO_RATE,
        batches=now.batches[:BATCHES],
        rest=not_shown(now, now.batches[:BATCHES]),
        reasons=reasons,
        alarms=service.alarms.open,
    )


def queues_of(now: Now) -> tuple[EventQueues, ...]:
    return now.snapshot.queues if now.snapshot else ()


def total(rates: dict[str, Rate]) -> Rate:
    return Rate(
        succeeded=sum(rate.succeeded for rate in rates.values()),
        dead=sum(rate.dead for rate in rates.values()),
    )


def not_shown(now: Now, batches: list[dict[str, Any]]) -> dict[str, int]:
    """Jobs by state that are in no row of these: of older batches, and of none."""
    states = now.states.values()
    rest = {
        state: sum(counts.get(state, 0) for counts in states)
        - sum(batch["states"].get(state, 0) for batch in batches)
        for state in STATES
    }
    queued = sum(each.queued for each in queues_of(now))
    shown = sum(batch["waiting"] + batch["states"].get("QUEUED", 0) for batch in batches)
    return {**rest, "QUEUED": max(0, queued - shown)}
