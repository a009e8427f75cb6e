"""The first view: queues, slots, throughput, failures, time left, newest batches."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from runtime.status_service import lines
from runtime.status_service.conditions import JOBS_DIE, NO_CONSUMER
from runtime.status_service.console.render import STATES, page
from runtime.status_service.lines import Rate
from runtime.status_service.management import EventQueues
from runtime.status_service.numbers import Now
from runtime.status_service.parts import Service

router = APIRouter()
BATCHES, REASONS = 15, 8
NO_RATE = Rate(succeeded=0, dead=0)


@router.get("/", summary="The console; it asks for a token first", openapi_extra={"security": []})
async def overview(request: Request, service: Service) -> Response:
    now = await service.numbers.lately()
    rates, (reasons, other_dead), (to_retry, other_retrying) = await asyncio.to_thread(
        lambda: (
            lines.rates(service.store),
            service.store.reasons_and_rest(event=None, batch=None, limit=REASONS),
            service.store.reasons_to_retry(limit=REASONS),
        )
    )
    batches = now.batches[:BATCHES]
    return page(
        request,
        "overview.html",
        now=now,
        connected=service.broker.connected,
        queues=queues_of(now),
        nodes=now.snapshot.nodes if now.snapshot else (),
        rates=rates,
        rate=total(rates),
        no_rate=NO_RATE,
        batches=batches,
        rest=not_shown(now, batches),
        reasons=reasons,
        other_dead=other_dead,
        to_retry=to_retry,
        other_retrying=other_retrying,
        alarms=alarms_of(service.alarms.now, told=bool(reasons)),
        view_of=view_of,
    )


def alarms_of(now: list[dict[str, Any]], *, told: bool) -> list[dict[str, Any]]:
    """What is wrong now. That jobs died is left out if the reasons are TOLD."""
    return [alarm for alarm in now if not told or alarm["name"] != JOBS_DIE.name]


def view_of(alarm: dict[str, Any]) -> str:
    """The view that shows more of what an alarm is about."""
    match alarm["name"]:
        case JOBS_DIE.name:
            return f"/dead?{urlencode(alarm['labels'])}"
        case NO_CONSUMER.name:
            return "/workflows"
        case _:
            return "/swarm"


def queues_of(now: Now) -> tuple[EventQueues, ...]:
    return now.snapshot.queues if now.snapshot else ()


def total(rates: dict[str, Rate]) -> Rate:
    return Rate(
        succeeded=sum(rate.succeeded for rate in rates.values()),
        dead=sum(rate.dead for rate in rates.values()),
    )


def not_shown(now: Now, batches: list[dict[str, Any]]) -> dict[str, int]:
    """Jobs by state that are in no row of these: of older batches, and of none."""
    states = now.states.values()
    rest = {
        state: sum(counts.get(state, 0) for counts in states)
        - sum(batch["states"].get(state, 0) for batch in batches)
        for state in STATES
    }
    queued = sum(each.queued for each in queues_of(now))
    return {**rest, "QUEUED": max(0, queued - sum(batch["queued"] for batch in batches))}
