"""About the service itself: its health, its numbers for Prometheus, the document of its API."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from runtime.status_service import metrics
from runtime.status_service.answers import Health
from runtime.status_service.parts import Service

router = APIRouter()
OPEN: dict[str, Any] = {"security": []}


@router.get("/healthz", response_model=Health, summary="Whether the service works", openapi_extra=OPEN)
async def health(service: Service) -> Response:
    # This service need not be restarted because the broker is away.
    await asyncio.to_thread(service.store.states)
    return JSONResponse({"healthy": True, "broker": service.broker.connected})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus text format", "content": {"text/plain": {}}}},
    summary="Numbers for Prometheus, by event and node",
    openapi_extra=OPEN,
)
async def numbers(service: Service) -> Response:
    now = await service.numbers.lately()
    totals = await asyncio.to_thread(service.store.totals)
    disks, paused = await asyncio.gather(service.disks.look(), service.paused.look())
    text = metrics.render(
        now.snapshot,
        now.states,
        totals,
        disks,
        service.swarm.nodes() or (),
        paused=paused.events,
        swarm=service.swarm.view(),
    )
    return Response(text, headers={"Content-Type": metrics.CONTENT_TYPE})


@router.get("/openapi.json", response_model=dict[str, Any], summary="This document", openapi_extra=OPEN)
async def document(request: Request) -> Response:
    return JSONResponse(request.app.openapi())
