"""What operators do: redrive, pause, resume, drain, undrain, delete. Each can be asked what it would do."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from runtime import names
from runtime.actions.edits import Edit
from runtime.actions.redrive import Choice, Report, counted
from runtime.messaging.messages import Poison, job_id_for
from runtime.records.pauses import LOOK_SECONDS
from runtime.status_service.answers import AWAY, UNKNOWN, Deleted, Drained, Paused, Redriven, Redriving
from runtime.status_service.batches import known
from runtime.status_service.errors import Refused
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts, Service, WithShare
from runtime.status_service.queries import MOST_ROWS, SOMEBODY, DryRun, Who
from runtime.status_service.question import Question

router = APIRouter()

BOTH = {**UNKNOWN, **AWAY}
SPREAD = f"docker service update --force --detach {names.WMGR_SERVICE}"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: str
    batch: str | None = None
    jobs: list[str] = Field([], description="Ids")
    dry_run: bool = Field(False, description="Only tell what it would do")


class Redrive(_Asked):
    reason: str | None = Field(None, description="A part of the reason")
    same_reason: str | None = Field(None, description="The reason as /reasons tells it: these jobs alone")
    all: bool = Field(False, description="All dead jobs of the event")
    metadata: dict[str, str | list[str]] = Field({}, description="Values to run again with")
    without: list[str] = Field([], description="Fields to run again without")


class Delete(_Asked):
    pass


@router.post(
    "/redrive", response_model=Redriven, responses=BOTH, summary="Put dead jobs back into their queue"
)
async def redrive(service: Service, asked: Redrive, who: Who = SOMEBODY) -> Response:
    choice = Choice(
        batch=asked.batch,
        reason=asked.reason,
        same_reason=asked.same_reason,
        jobs=frozenset(map(job_id_for, asked.jobs)),
    )
    if asked.all == (choice != Choice()):
        raise Refused(400, "say which dead jobs: batch, reason, jobs, or all alone")
    edit = None
    if asked.metadata or asked.without:
        try:
            edit = Edit(set=asked.metadata, unset=frozenset(asked.without))
        except Poison as error:
            raise Refused(400, str(error)) from error
    report = await service.operations.redrive(asked.event, choice, edit, who=who, really=not asked.dry_run)
    answer = {"event": report.event, "redriven": report.redriven, "left": report.left, "jobs": report.jobs}
    text = counted(report)
    if cancelled := await asyncio.to_thread(_of_cancelled_batches, service, report):
        text += f"; {cancelled} of them end as cancelled, as their batch did"
    about = {"batches": dict(report.batches), "done": not asked.dry_run, "text": text}
    return JSONResponse(answer | about)


@router.get(
    "/redrive",
    response_model=Redriving,
    responses=UNKNOWN,
    summary="How far a redrive, or a dry run of one, is that goes on",
)
async def redriving(service: Service, event: str) -> Response:
    report = service.operations.looking.get(event)
    if report is None:
        raise Refused(404, f"no redrive of {event} goes on here")
    so_far = {"messages": report.messages, "read": report.read, "jobs": report.redriven}
    return JSONResponse({"event": event, **so_far, "text": report.so_far()})


@router.post(
    "/events/{event}/pause",
    response_model=Paused,
    responses=BOTH,
    summary="Let no worker take jobs of an event",
)
async def pause(
    service: Service, event: str, query: Annotated[DryRun, Query()], who: Who = SOMEBODY
) -> Response:
    queues = await service.numbers.of_event(event)
    if queues is None:
        raise Refused(404, f"the broker has no queue of an event {event}")
    changed = not await _is_paused(service, event)
    if not query.dry_run:
        changed = await _changed(partial(service.operations.pause, event, who=who))
    waiting = queues.queued + queues.retrying
    text = (
        f"{waiting} jobs of {event} wait until it is resumed; {queues.taken} that run go on, "
        f"and so do those that begin before the workers look, which they do every {LOOK_SECONDS:g} s"
    )
    if not changed:
        text = f"{event} is paused already"
    return JSONResponse(
        {"event": event, "paused": True, "changed": changed, "done": not query.dry_run, "text": text}
    )


@router.post(
    "/events/{event}/resume",
    response_model=Paused,
    responses=BOTH,
    summary="Let workers take its jobs again",
)
async def resume(
    service: Service, event: str, query: Annotated[DryRun, Query()], who: Who = SOMEBODY
) -> Response:
    changed = await _is_paused(service, event)
    if not query.dry_run:
        changed = await _changed(partial(service.operations.resume, event, who=who))
    text = f"workers take jobs of {event} again" if changed else f"{event} is not paused"
    return JSONResponse(
        {"event": event, "paused": False, "changed": changed, "done": not query.dry_run, "text": text}
    )


@router.post("/nodes/{node}/drain", response_model=Drained, responses=BOTH, summary="Empty a worker")
async def drain(
    service: Service, node: str, query: Annotated[DryRun, Query()], who: Who = SOMEBODY
) -> Response:
    return await _set_availability(service, node, "drain", who=who, really=not query.dry_run)


@router.post("/nodes/{node}/undrain", response_model=Drained, responses=BOTH, summary="Let it in again")
async def undrain(
    service: Service, node: str, query: Annotated[DryRun, Query()], who: Who = SOMEBODY
) -> Response:
    return await _set_availability(service, node, "active", who=who, really=not query.dry_run)


@router.post(
    "/delete",
    response_model=Deleted,
    responses=BOTH,
    dependencies=[WithShare],
    summary="Delete products of jobs that have ended",
)
async def delete(service: Service, asked: Delete, who: Who = SOMEBODY) -> Response:
    if bool(asked.batch) == bool(asked.jobs):
        raise Refused(400, "say whose products: batch or jobs")
    if asked.batch:
        await known(service.store, asked.batch, asked.event)
        found = await asyncio.to_thread(lambda: list(_of_batch(service, asked.event, str(asked.batch))))
    else:
        found = [await asyncio.to_thread(_job, service, asked.event, job) for job in asked.jobs]
    jobs = [(each["job"], each["batch"]) for each in found]
    deleted = await service.operations.delete(asked.event, jobs, who=who, really=not asked.dry_run)
    answer = {"event": asked.event, "products": deleted.products, "jobs": len(deleted.jobs)}
    text = f"{deleted.products} products of {len(deleted.jobs)} jobs"
    about = {"unfinished": deleted.unfinished, "left": deleted.left, "done": not asked.dry_run, "text": text}
    return JSONResponse(answer | about)


async def _is_paused(service: Parts, event: str) -> bool:
    """Whether it is paused now; raises Refused."""
    paused = await service.paused.look()
    if paused.events is None or not paused.now:
        raise Refused(503, "the share does not answer, so nothing was changed")
    return event in paused.events


async def _changed(change: Callable[[], Coroutine[Any, Any, bool]]) -> bool:
    """Whether a pause or a resumption has changed something; raises Refused if the share is slow."""
    changed = await Question(change).answer()
    if changed is None:
        # A server that has just started answers to a look, and lets nobody write for a minute or two.
        raise Refused(503, "the share does not answer now: this is done, and recorded, once it does")
    return changed


async def _set_availability(
    service: Parts, name: str, availability: str, *, who: str, really: bool
) -> Response:
    view = service.swarm.view()
    found = [node for node in view["nodes"] if name in {node["name"], node["id"]}]
    if not found:
        known = ", ".join(node["name"] for node in view["nodes"]) or "none is known yet"
        raise Refused(404, f"no node {name} is in the swarm: {known}")
    (node, *_) = found
    if node["role"] != "worker":
        raise Refused(400, f"{name} is a manager: the broker and the File Manager would stop with it")
    running = (await service.numbers.now()).moment.busy().get(node["name"], 0)
    if really:
        await service.operations.set_availability(node["id"], availability, who=who)
    containers = len(node["containers"])
    text = (
        f"node {node['name']} gets containers again when docker starts some; docker moves none there by "
        f"itself. To spread the Workflow Managers now, type on the manager: {SPREAD}. All start anew, some "
        "at a time, and the old ones finish their jobs first, within leave_within seconds"
    )
    if availability == "drain":
        text = f"{containers} containers leave node {node['name']} once the {running} jobs there have ended"
    about = {"containers": containers, "running": running, "done": really, "text": text}
    return JSONResponse({"node": node["name"], "availability": availability, **about})


def _of_cancelled_batches(service: Parts, report: Report) -> int:
    """The jobs of batches that were cancelled: a job of such a batch never begins."""
    return sum(
        jobs
        for batch, jobs in report.batches.items()
        for found in service.store.batch(batch, event=report.event)
        if found["cancelled"]
    )


def _of_batch(service: Parts, event: str, batch: str) -> Iterator[Record]:
    before = None
    of = {"event": event, "batch": batch}
    while page := service.store.jobs(of, limit=MOST_ROWS, before=before):
        yield from page
        before = page[-1]["number"]


def _job(service: Parts, event: str, job: str) -> Record:
    found = service.store.job(event, job_id_for(job))
    if found is None:
        raise Refused(404, f"no job {job} of event {event} is known")
    return found
