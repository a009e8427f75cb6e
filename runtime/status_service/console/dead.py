"""Dead jobs, grouped by what they died of."""

import asyncio

from fastapi import APIRouter, Request, Response

from runtime.status_service.console.overview import queues_of
from runtime.status_service.console.render import page
from runtime.status_service.parts import Service

router = APIRouter()
REASONS = 200


@router.get("/dead")
async def by_reason(
    request: Request, service: Service, event: str | None = None, batch: str | None = None
) -> Response:
    now = await service.numbers.now()
    reasons = await asyncio.to_thread(
        service.store.reasons, event=event or None, batch=batch or None, limit=REASONS
    )
    waiting = {each.event: each.dead for each in queues_of(now)}
    return page(request, "dead.html", reasons=reasons, waiting=waiting, event=event, batch=batch)
