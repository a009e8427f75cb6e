"""Dead jobs, grouped by what they died of, and one such group with all that helps to bring it back."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from runtime.status_service.console import advice
from runtime.status_service.console.overview import queues_of
from runtime.status_service.console.render import page
from runtime.status_service.history import Record
from runtime.status_service.parts import Parts, Service

router = APIRouter()
REASONS = 200
# Of a group: the jobs in its list, those whose metadata are compared, the values that are shown of a field.
NEWEST, COMPARED, SHOWN = 25, 10, 3


@router.get("/dead")
async def by_reason(
    request: Request, service: Service, event: str | None = None, batch: str | None = None
) -> Response:
    event, batch = event or None, batch or None
    now = await service.numbers.lately()
    (reasons, rest), batches = await asyncio.to_thread(
        lambda: (
            service.store.reasons_and_rest(event=event, batch=batch, limit=REASONS),
            service.store.batch(batch, event=event) if batch else [],
        )
    )
    return page(
        request,
        "dead.html",
        reasons=reasons,
        rest=rest,
        batches=batches,
        queues=[each for each in queues_of(now) if event in {None, each.event}],
        dead={each: counts.get("DEAD", 0) for each, counts in now.states.items()},
        problem=now.problem,
        event=event,
        batch=batch,
    )


@router.get("/dead/{event}")
async def of_one_reason(
    request: Request, service: Service, event: str, reason: str, batch: str | None = None
) -> Response:
    share = await service.share_answers()
    found = await asyncio.to_thread(_details, service, event, reason, batch or None, share=share)
    return page(
        request,
        "group.html",
        event=event,
        reason=reason,
        batch=batch or None,
        advice=advice.on(reason),
        **found,
    )


def _details(service: Parts, event: str, reason: str, batch: str | None, *, share: bool) -> dict[str, Any]:
    """All of the view of a group; without the SHARE, what the history knows."""
    filters = {"event": event, "state": "DEAD", "reason": reason} | ({"batch": batch} if batch else {})
    jobs = service.store.jobs(filters, limit=NEWEST)
    messages = [service.message(event, each["job"]) for each in jobs[:COMPARED]] if share else []
    return {
        "batches": service.store.dead_alike(event, reason, batch=batch),
        "jobs": jobs,
        "nodes": Counter(each["node"] for each in jobs if each["node"]),
        "example": service.store.job(event, jobs[0]["job"]) if jobs else None,
        "share": share,
        "fields": fields([each["metadata"] for each in messages if each], advice.missing(reason)),
    }


def fields(metadata: Sequence[Record], missing: Sequence[str]) -> list[dict[str, Any]]:
    """What the jobs' metadata have in common: fields that are missing first, then all that are texts."""
    found: list[dict[str, Any]] = [{"name": name, "value": "", "hint": "missing"} for name in missing]
    for name in sorted({name for each in metadata for name in each} - set(missing)):
        values = list(dict.fromkeys(each.get(name, "") for each in metadata if _is_text(each.get(name, ""))))
        if len(values) == 1:
            found.append({"name": name, "value": values[0], "hint": ""})
        elif values:
            shown = ", ".join(values[:SHOWN]) + (" ..." if len(values) > SHOWN else "")
            found.append({"name": name, "value": "", "hint": f"differs: {shown}"})
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)
