"""Batches, and what has come of one."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.status_service import batches
from runtime.status_service.answers import UNKNOWN, Batch, Batches
from runtime.status_service.parts import Service
from runtime.status_service.queries import OfEvent, Rows

router = APIRouter()


@router.get("/batches", response_model=Batches, summary="The newest batches")
async def newest(service: Service, query: Annotated[Rows, Query()]) -> Response:
    found = await asyncio.to_thread(service.store.batches, limit=query.limit)
    now = await service.numbers.lately()
    return JSONResponse({"batches": [now.progress(each) for each in found]})


@router.get("/batches/{batch:name}", response_model=Batch, responses=UNKNOWN, summary="A batch")
async def batch(service: Service, batch: str, query: Annotated[OfEvent, Query()]) -> Response:
    return JSONResponse(await batches.now(service, batch, query.event))
