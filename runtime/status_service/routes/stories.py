"""The story of a job, and what the programs of its runs wrote."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime.messaging.messages import job_id_for
from runtime.records.story import CONSUMER, Told
from runtime.status_service.answers import UNKNOWN, Story
from runtime.status_service.errors import Refused
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts, Service
from runtime.status_service.queries import After, Offset

router = APIRouter()

PAGE = 1000
PART_BYTES = 1024 * 1024
PRODUCER, BROKER = "producer", "broker"


@router.get(
    "/jobs/{event}/{job:name}/story",
    response_model=Story,
    responses=UNKNOWN,
    summary="What happened to a job, in order; programs' output apart",
)
async def story(service: Service, event: str, job: str, query: Annotated[After, Query()]) -> Response:
    told = await asyncio.to_thread(_told, service, event, job_id_for(job))
    if not told:
        raise Refused(404, f"no job {job} of event {event} is known")
    end = query.after + PAGE
    page: list[dict[str, Any]] = [asdict(each) for each in told[query.after : end]]
    return JSONResponse({"story": page, "next": end if end < len(told) else None})


@router.get(
    "/jobs/{event}/{job:name}/logs/{instance}/{log}",
    response_class=Response,
    responses={
        **UNKNOWN,
        200: {"description": "A part of it, empty at its end", "content": {"application/gzip": {}}},
    },
    summary="What a program wrote, compressed, by parts: add up their lengths for the next offset",
)
async def log(
    service: Service, *, event: str, job: str, instance: str, log: str, query: Annotated[Offset, Query()]
) -> Response:
    def read() -> bytes:
        if not service.stories.has(event, job_id_for(job), instance):
            raise FileNotFoundError
        return service.stories.read(instance, log, offset=query.offset, limit=PART_BYTES)

    try:
        part = await asyncio.to_thread(read)
    except FileNotFoundError:
        raise Refused(404, f"no log {log} of {instance} is known: it may have been cleaned") from None
    return Response(part, media_type="application/gzip")


def _told(service: Parts, event: str, job: str) -> list[Told]:
    known = service.store.job(event, job)
    told = list(service.stories.of(event, job))
    if known:
        told += _of_history(known, runs=not told)
    return sorted(told, key=lambda each: each.at)


def _of_history(job: Record, *, runs: bool) -> Iterator[Told]:
    """What only the history knows; that includes the RUNS of a job whose record is gone."""
    if job["queued"]:
        yield Told(at=job["queued"], by=PRODUCER, text="it was submitted")
    elif job["state"] == "QUEUED":
        yield Told(at=job["updated"] or 0.0, by=BROKER, text="it is queued")
    for run in job["runs"] if runs else ():
        number = run["run"]
        if run["started"]:
            yield Told(
                at=run["started"], by=CONSUMER, text=f"run {number} begins on {run['node']}", run=number
            )
        if run["ended"]:
            reason = f": {run['reason']}" if run["reason"] else ""
            yield Told(at=run["ended"], by=CONSUMER, text=f"run {number} {run['state']}{reason}", run=number)
