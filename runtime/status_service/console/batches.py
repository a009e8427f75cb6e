"""Batches, and one of them: progress, time left, reasons, and how its runs filled the slots."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from runtime.status_service import batches, lines
from runtime.status_service.console import timeline
from runtime.status_service.console.overview import NO_RATE
from runtime.status_service.console.render import page
from runtime.status_service.parts import Parts, Service

router = APIRouter()
LISTED, NEWEST, REASONS = 100, 25, 20


@router.get("/batches")
async def newest(request: Request, service: Service) -> Response:
    now = await service.numbers.lately()
    rates = await asyncio.to_thread(lines.rates, service.store)
    rows = now.batches[:LISTED]
    return page(request, "batches.html", batches=rows, rates=rates, no_rate=NO_RATE)


@router.get("/batches/{event}/{batch:name}")
async def one(request: Request, service: Service, event: str, batch: str) -> Response:
    found = await batches.now(service, batch, event)
    details = await asyncio.to_thread(_details, service, event, batch)
    rate = details["rates"].get(event, NO_RATE)
    return page(
        request,
        "batch.html",
        batch=found,
        time_left=rate.seconds_for(found["left"]),
        **details,
    )


def _details(service: Parts, event: str, batch: str) -> dict[str, Any]:
    store = service.store
    runs = store.runs_of_batch(event, batch, limit=timeline.MOST_JOBS)
    reasons, rest = store.reasons_and_rest(event=event, batch=batch, limit=REASONS)
    return {
        "rates": lines.rates(store),
        "reasons": reasons,
        "rest": rest,
        "newest": store.jobs({"event": event, "batch": batch}, limit=NEWEST),
        "lanes": timeline.lanes(runs),
        "span_of_runs": timeline.extent(runs),
    }
