"""Jobs by filters, and a job with its runs."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.messaging.messages import job_id_for
from runtime.status_service.answers import UNKNOWN, Jobs, JobWithRuns
from runtime.status_service.errors import Refused
from runtime.status_service.history import FILTERS
from runtime.status_service.parts import Service
from runtime.status_service.queries import OfJobs, Parameters

router = APIRouter()


@router.get("/jobs", response_model=Jobs, summary="Jobs, the newest first")
async def by_filters(service: Service, query: Annotated[OfJobs, Query()]) -> Response:
    filters = query.model_dump(include=set(FILTERS), exclude_none=True)
    if "job" in filters:
        filters["job"] = job_id_for(filters["job"])
    jobs = await asyncio.to_thread(service.store.jobs, filters, limit=query.limit, before=query.before)
    if not jobs and set(filters) == {"job"} and query.before is None:
        jobs = await asyncio.to_thread(service.store.find, filters["job"])
    return JSONResponse({"jobs": jobs})


@router.get(
    "/jobs/{event}/{job:name}", response_model=JobWithRuns, responses=UNKNOWN, summary="A job with its runs"
)
async def job(service: Service, event: str, job: str, _: Annotated[Parameters, Query()]) -> Response:
    found = await asyncio.to_thread(service.store.job, event, job_id_for(job))
    if found is None:
        raise Refused(404, f"no job {job} of event {event} is known")
    return JSONResponse(found)
