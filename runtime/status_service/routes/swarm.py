"""The swarm with its nodes and services, and what changed beside the jobs."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.messaging.messages import job_id_for
from runtime.status_service.answers import Changes, JobChanges, Swarm
from runtime.status_service.changes import FILTERS
from runtime.status_service.parts import Service
from runtime.status_service.queries import OfChanges, Parameters

router = APIRouter()


@router.get("/swarm", response_model=Swarm, summary="Nodes with machines and containers, services")
async def swarm(service: Service, _: Annotated[Parameters, Query()]) -> Response:
    return JSONResponse(service.swarm.view())


@router.get("/changes", response_model=Changes, summary="What changed beside the jobs, the newest first")
async def changes(service: Service, query: Annotated[OfChanges, Query()]) -> Response:
    filters = query.model_dump(include=set(FILTERS), exclude_none=True)
    found = await asyncio.to_thread(service.changes.listed, filters, limit=query.limit, before=query.before)
    return JSONResponse({"changes": found})


@router.get("/changes/{event}/{job:name}", response_model=JobChanges, summary="What operators did to a job")
async def changes_of_job(
    service: Service, event: str, job: str, _: Annotated[Parameters, Query()]
) -> Response:
    found = await asyncio.to_thread(service.changes.of_job, event, job_id_for(job))
    return JSONResponse({"changes": found})
