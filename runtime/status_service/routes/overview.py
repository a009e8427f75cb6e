"""Queues and nodes now, jobs by state."""

import asyncio
import time
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service.answers import Overview
from runtime.status_service.parts import Service
from runtime.status_service.queries import Parameters

router = APIRouter()


@router.get("/overview", response_model=Overview, summary="Queues and nodes now, jobs by state")
async def overview(service: Service, _: Annotated[Parameters, Query()]) -> Response:
    snapshot, problem = await service.look()
    return JSONResponse(
        {
            "at": time.time(),
            "broker": {"connected": service.broker.connected, "problem": problem},
            "queues": [asdict(each) for each in snapshot.queues] if snapshot else [],
            "nodes": [{**asdict(node), "free": node.free} for node in snapshot.nodes] if snapshot else [],
            "jobs": await asyncio.to_thread(service.store.states),
        }
    )
