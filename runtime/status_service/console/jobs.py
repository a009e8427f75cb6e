"""Jobs by filters, page by page, and one of them with all that is known of it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from runtime.messaging.messages import job_id_for
from runtime.status_service import stories
from runtime.status_service.console import advice, dead
from runtime.status_service.console.render import HEADERS, STATES, jobs_path, page
from runtime.status_service.errors import Refused
from runtime.status_service.history import FILTERS
from runtime.status_service.parts import Parts, Service, WithShare

router = APIRouter()
PAGE = 50
# Of what a program that runs has written.
LINES = 100
FIELDS = (*FILTERS, "ended_from", "ended_to")


@router.get("/jobs")
async def by_filters(request: Request, service: Service) -> Response:
    given = {name: text for name in FIELDS if (text := request.query_params.get(name, "").strip())}
    filters = {name: given[name] for name in FILTERS if name in given}
    if "job" in filters:
        filters["job"] = job_id_for(filters["job"])
    times = {name: _time(name, given.get(name)) for name in ("ended_from", "ended_to")}
    before = request.query_params.get("before", "")
    rows = await asyncio.to_thread(
        service.store.jobs,
        filters,
        limit=PAGE + 1,
        before=int(before) if before.isdecimal() else None,
        **times,
    )
    jobs = rows[:PAGE]
    if not jobs and set(filters) == {"job"}:
        jobs = await asyncio.to_thread(service.store.find, filters["job"])
    return page(
        request,
        "jobs.html",
        jobs=jobs,
        given=given,
        first=not before,
        start=jobs_path(**given),
        older=jobs_path(**given, before=jobs[-1]["number"]) if len(rows) > PAGE else None,
        events=sorted(await asyncio.to_thread(service.store.states)),
        states=STATES,
    )


@router.get("/jobs/{event}/{job}/files/{product}/{file}", dependencies=[WithShare])
async def download(service: Service, event: str, job: str, product: int, file: int) -> Response:
    """A file of a product, if it is still in the archive."""
    found = await asyncio.to_thread(service.store.job, event, job_id_for(job))
    try:
        path = Path((found or {})["products"][product]["archived"][file])
    except LookupError:
        raise Refused(404, f"job {job} of event {event} has no such file") from None
    if not await asyncio.to_thread(_is_archived, path, service.archive):
        raise Refused(404, f"{path.name} is not in the archive: it was cleaned, or is a folder")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream", headers=HEADERS)


@router.get("/jobs/{event}/{job:name}")
async def one(request: Request, service: Service, event: str, job: str) -> Response:
    share = await service.share_answers()
    found = await asyncio.to_thread(_details, service, event, job_id_for(job), share=share)
    if found is None:
        raise Refused(404, f"no job {job} of event {event} is known")
    return page(request, "job.html", **found)


def _details(service: Parts, event: str, job: str, *, share: bool) -> dict[str, Any] | None:
    """All of a job's view; without the SHARE, what the history knows."""
    found = service.store.job(event, job)
    if found is None:
        return None
    batch, _, number = job.rpartition(".")
    neighbours: dict[str, str] = {}
    if found["batch"] == batch and number.isdecimal():
        wanted = {"previous": f"{batch}.{int(number) - 1}", "next": f"{batch}.{int(number) + 1}"}
        neighbours = {which: name for which, name in wanted.items() if service.store.job(event, name)}
    message = service.message(event, job) if share else None
    so_far = None
    if share and found["state"] == "RUNNING":
        so_far = stories.so_far(service, event, job, found["run"], LINES)
    missing = advice.missing(found["reason"] or "")
    fields = dead.fields([message["metadata"]] if message else [], missing)
    about = {"neighbours": neighbours, "message": message, "fields": fields, "so_far": so_far, "share": share}
    return {"job": found, **about}


def _is_archived(path: Path, archive: Path) -> bool:
    resolved = path.resolve()
    return resolved.is_relative_to(archive.resolve()) and resolved.is_file()


def _time(name: str, text: str | None) -> float | None:
    """What the form has, in UTC."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(400, f"{name} is {text!r}: use a time like 2026-01-05T10:15") from None
