"""Cancels jobs and batches."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from runtime import names
from runtime.messaging.announcements import Touched
from runtime.messaging.messages import job_id_for
from runtime.status_service import batches
from runtime.status_service.answers import AWAY, UNKNOWN, CancelledBatch, CancelledJob
from runtime.status_service.cancellation import outlook
from runtime.status_service.errors import Refused
from runtime.status_service.parts import Service, with_share
from runtime.status_service.queries import SOMEBODY, DryRun, OfBatchToCancel, Who

router = APIRouter()


@router.post(
    "/batches/{batch:name}/cancel",
    response_model=CancelledBatch,
    responses={**UNKNOWN, **AWAY},
    summary="Cancel what has not ended of a batch: running jobs are stopped, queued ones end at their turn",
)
async def cancel_batch(
    service: Service, batch: str, query: Annotated[OfBatchToCancel, Query()], who: Who = SOMEBODY
) -> Response:
    known = await batches.known(service.store, batch, query.event)
    if not names.SAFE_ID.fullmatch(batch):
        raise Refused(400, f"batch {batch!r} has a name that cannot be cancelled")
    about = {"batch": batch, "event": known["event"]}
    waiting = known["waiting"]
    begun = sum(known["states"].values()) - known["ended"]
    if query.dry_run:
        text = f"{begun} jobs that have begun, and {waiting} that have not"
        return JSONResponse({**about, "stopped": begun, "waiting": waiting, "done": False, "text": text})
    await with_share(service)
    stopped = await service.cancellation.batch(known["event"], batch)
    text = f"{stopped} jobs that had begun, and all that had not"
    await service.operations.record("cancel", text, who=who, event=known["event"], batch=batch)
    return JSONResponse({**about, "stopped": stopped, "waiting": waiting, "done": True, "text": text})


@router.post(
    "/jobs/{event}/{job:name}/cancel",
    response_model=CancelledJob,
    responses={**UNKNOWN, **AWAY},
    summary="Cancel a job that has not ended; the answer says how it has ended, or for a dry run how it is",
)
async def cancel_job(
    service: Service, event: str, job: str, query: Annotated[DryRun, Query()], who: Who = SOMEBODY
) -> Response:
    job_id = job_id_for(job)
    found = await asyncio.to_thread(service.store.job, event, job_id)
    if found is None:
        # It may be queued, and nothing was announced about it yet.
        snapshot = await service.management.snapshot()
        if event not in {each.event for each in snapshot.queues}:
            raise Refused(404, f"no job {job} of event {event} is known")
    about = {"job": job_id, "event": event, "done": not query.dry_run}
    if query.dry_run:
        state = found["state"] if found else "QUEUED"
        return JSONResponse({**about, "state": state, "text": outlook(job_id, found)})
    batch = found["batch"] if found else None
    await with_share(service)
    verdict = await service.cancellation.job(event, job_id, batch=batch)
    if verdict.state == "CANCELLED":
        touched = [Touched(job=job_id, batch=batch)]
        await service.operations.record("cancel", f"job {job_id}", who=who, event=event, jobs=touched)
        text = f"job {job_id} is cancelled"
    else:
        text = f"job {job_id} had ended before, {verdict.state.lower()}"
    return JSONResponse({**about, "state": verdict.state, "text": text})
