"""What the pages' own script asks for: changes as they come, and numbers over time."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from runtime.status_service import lines
from runtime.status_service.parts import Service

router = APIRouter()
LONGEST_SECONDS = 86400


@router.get("/session")
async def session() -> Response:
    """Reached only with a session: the page for logging in asks whether there is one."""
    return Response(status_code=204)


@router.get("/live")
async def live(service: Service) -> Response:
    return StreamingResponse(
        service.live.stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.get("/lines")
async def over_time(
    service: Service,
    event: str | None = None,
    seconds: Annotated[int, Query(ge=60, le=LONGEST_SECONDS)] = 3600,
) -> Response:
    return JSONResponse(await asyncio.to_thread(lines.points, service.store, event, seconds))
