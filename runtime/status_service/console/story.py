"""The story of a job: what all that had a part in it did, in one order, with what its programs wrote."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from runtime.messaging.messages import job_id_for
from runtime.status_service import stories
from runtime.status_service.console.render import HEADERS, page
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Parts, Service, WithShare

router = APIRouter()
# The last of a longer story, and of each program.
MOST, LINES = 500, 200


@router.get("/jobs/{event}/{job:name}/story", dependencies=[WithShare])
async def story(request: Request, service: Service, event: str, job: str) -> Response:
    found = await asyncio.to_thread(_told, service, event, job_id_for(job))
    if not found:
        raise Refused(404, f"no job {job} of event {event} is known")
    return page(request, "story.html", event=event, job=job_id_for(job), story=found, most=MOST, lines=LINES)


@router.get("/jobs/{event}/{job:name}/logs/{instance}/{log}", dependencies=[WithShare])
async def download(service: Service, event: str, job: str, instance: str, log: str) -> Response:
    """All that a program wrote, compressed."""
    known = await asyncio.to_thread(service.stories.has, event, job_id_for(job), instance)
    try:
        if not known:
            raise FileNotFoundError
        await asyncio.to_thread(service.stories.read, instance, log, offset=0, limit=1)
    except FileNotFoundError:
        raise Refused(404, f"no log {log} of {instance} is known: it may have been cleaned") from None
    saved = {"Content-Disposition": f'attachment; filename="{instance}-{log}"'}
    parts = stories.parts_of(service, instance, log)
    return StreamingResponse(parts, media_type="application/gzip", headers={**HEADERS, **saved})


def _told(service: Parts, event: str, job: str) -> list[dict[str, Any]]:
    found = stories.told(service, event, job)[-MOST:]
    return [{**vars(each), "lines": stories.last_lines(service, each, LINES)} for each in found]
