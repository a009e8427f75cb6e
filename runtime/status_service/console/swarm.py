"""The swarm: its nodes with what runs there, disks, services; and what changed beside the jobs."""

import asyncio
import time

from fastapi import APIRouter, Request, Response

from runtime.status_service.conditions import LEAST_FREE
from runtime.status_service.console.render import changes_path, page
from runtime.status_service.parts import Service

router = APIRouter()
CHANGES = 100


@router.get("/swarm")
async def swarm(request: Request, service: Service) -> Response:
    now, disks = await asyncio.gather(service.numbers.lately(), service.disks.look())
    return page(
        request,
        "swarm.html",
        swarm=service.swarm.view(),
        busy=now.moment.busy(),
        disks=disks,
        least_free=LEAST_FREE,
        now=time.time(),
    )


@router.get("/changes")
async def changes(request: Request, service: Service) -> Response:
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isdecimal() else None
    rows = await asyncio.to_thread(service.changes.listed, {}, limit=CHANGES + 1, before=before)
    listed = rows[:CHANGES]
    older = changes_path(listed[-1]["number"]) if len(rows) > CHANGES else None
    return page(request, "changes.html", changes=listed, older=older)
