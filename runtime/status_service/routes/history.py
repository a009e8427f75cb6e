"""The history as a whole: why jobs are dead, and what it shall forget."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service.answers import Forgotten, Reasons
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Service
from runtime.status_service.queries import OfReasons, Until

router = APIRouter()


@router.get("/reasons", response_model=Reasons, summary="Why jobs are dead, the most frequent reason first")
async def reasons(service: Service, query: Annotated[OfReasons, Query()]) -> Response:
    found = await asyncio.to_thread(
        service.store.reasons, event=query.event, batch=query.batch, limit=query.limit
    )
    return JSONResponse({"reasons": found})


@router.delete("/history", response_model=Forgotten, summary="Forget jobs that ended until then")
async def forget(service: Service, query: Annotated[Until, Query()]) -> Response:
    if query.until is None:
        raise Refused(400, "say until which time, in unix seconds: ?until=SECONDS")
    return JSONResponse({"forgotten": await asyncio.to_thread(service.store.forget, float(query.until))})
