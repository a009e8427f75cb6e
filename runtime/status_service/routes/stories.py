"""The story of a job, and what the programs of its runs wrote."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.messaging.messages import job_id_for
from runtime.status_service import stories
from runtime.status_service.answers import AWAY, UNKNOWN, Story
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Service, WithShare
from runtime.status_service.queries import After, Offset

router = APIRouter()

PAGE = 1000


@router.get(
    "/jobs/{event}/{job:name}/story",
    response_model=Story,
    responses=UNKNOWN | AWAY,
    dependencies=[WithShare],
    summary="What happened to a job, in order; programs' output apart",
)
async def story(service: Service, event: str, job: str, query: Annotated[After, Query()]) -> Response:
    found = await asyncio.to_thread(stories.told, service, event, job_id_for(job))
    if not found:
        raise Refused(404, f"no job {job} of event {event} is known")
    end = query.after + PAGE
    page: list[dict[str, Any]] = [asdict(each) for each in found[query.after : end]]
    return JSONResponse({"story": page, "next": end if end < len(found) else None})


@router.get(
    "/jobs/{event}/{job:name}/logs/{instance}/{log}",
    response_class=Response,
    responses={
        **UNKNOWN,
        **AWAY,
        200: {"description": "A part of it, empty at its end", "content": {"application/gzip": {}}},
    },
    dependencies=[WithShare],
    summary="What a program wrote, compressed, by parts: add up their lengths for the next offset",
)
async def log(
    service: Service, *, event: str, job: str, instance: str, log: str, query: Annotated[Offset, Query()]
) -> Response:
    def read() -> bytes:
        if not service.stories.has(event, job_id_for(job), instance):
            raise FileNotFoundError
        return service.stories.read(instance, log, offset=query.offset, limit=stories.PART_BYTES)

    try:
        part = await asyncio.to_thread(read)
    except FileNotFoundError:
        raise Refused(404, f"no log {log} of {instance} is known: it may have been cleaned") from None
    return Response(part, media_type="application/gzip")
