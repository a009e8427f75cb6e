"""Queues and nodes now, jobs by state."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service.answers import Overview
from runtime.status_service.management import Snapshot
from runtime.status_service.parts import Service
from runtime.status_service.queries import Parameters

router = APIRouter()


@router.get("/overview", response_model=Overview, summary="Queues and nodes now, jobs by state")
async def overview(service: Service, _: Annotated[Parameters, Query()]) -> Response:
    now = await service.numbers.now()
    paused = (await service.paused.look()).events
    snapshot = now.snapshot or Snapshot(queues=(), nodes=())
    broker = {"connected": service.broker.connected, "problem": now.problem}
    return JSONResponse(
        {
            "at": now.at,
            "behind": now.behind,
            "alarms": service.alarms.now,
            "broker": {**broker, "short": snapshot.short, "blocked": snapshot.blocked},
            "queues": [
                {**asdict(each), "paused": None if paused is None else each.event in paused}
                for each in snapshot.queues
            ],
            "nodes": [{**asdict(node), "free": node.free} for node in snapshot.nodes],
            "jobs": now.states,
            "batches": now.batches,
        }
    )
