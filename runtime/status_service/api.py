"""The HTTP side of the status service: page, JSON API, OpenAPI document, metrics, health.

Everything below /api needs the token. The page and its description hold no data, the metrics numbers only.
"""

import asyncio
import hmac
import json
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib import resources
from typing import Any

from aiohttp import web

from runtime import names
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.messages import job_id_for
from runtime.status_service import metrics
from runtime.status_service.cancellation import Cancellation
from runtime.status_service.history import FILTERS
from runtime.status_service.management import Management, ManagementDown, Snapshot
from runtime.status_service.page import PAGE, POLICY
from runtime.status_service.store import Store

log = logging.getLogger(__name__)

API = "/api/v1"
MOST_ROWS = 1000
ROWS = 100
# A submission that was silent for so long was interrupted: it did not only pause.
INTERRUPTED_SECONDS = 60.0
OPENAPI = json.loads(resources.files("runtime.status_service").joinpath("openapi.json").read_text())

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A request that cannot be answered. The text may quote it, so it does not go into HTTP's status line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Api:
    """Answers requests."""

    def __init__(
        self, *, token: str, store: Store, broker: Broker, management: Management, cancellation: Cancellation
    ) -> None:
        self._token = token
        self._store = store
        self._broker = broker
        self._management = management
        self._cancellation = cancellation

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/", _page),
                web.get("/openapi.json", _openapi),
                web.get("/healthz", self._health),
                web.get("/metrics", self._metrics),
                web.get(f"{API}/overview", self._overview),
                web.get(f"{API}/batches", self._batches),
                web.get(f"{API}/batches/{{batch}}", self._batch),
                web.post(f"{API}/batches/{{batch}}/cancel", self._cancel_batch),
                web.get(f"{API}/jobs", self._jobs),
                web.get(f"{API}/jobs/{{event}}/{{job}}", self._job),
                web.post(f"{API}/jobs/{{event}}/{{job}}/cancel", self._cancel_job),
                web.get(f"{API}/reasons", self._reasons),
                web.delete(f"{API}/history", self._forget),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/api/") and not self._may(request):
            headers = {"WWW-Authenticate": "Bearer"}
            return web.json_response(
                {"error": "send the header Authorization: Bearer TOKEN"}, status=401, headers=headers
            )
        try:
            return await handler(request)
        except Refused as error:
            return web.json_response({"error": str(error)}, status=error.status)
        except web.HTTPException as error:
            return web.json_response({"error": error.reason}, status=error.status)
        except (BrokerDown, ManagementDown) as error:
            return web.json_response({"error": str(error)}, status=503)
        except (OSError, sqlite3.Error) as error:
            log.exception("%s %s", request.method, request.path)
            return web.json_response({"error": str(error)}, status=500)

    def _may(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # aiohttp keeps bytes of a header that are no UTF-8 as surrogates.
        given = token.encode(errors="surrogateescape")
        return scheme.lower() == "bearer" and hmac.compare_digest(given, self._token.encode())

    async def _health(self, _: web.Request) -> web.Response:
        # This service need not be restarted because the broker is away.
        await asyncio.to_thread(self._store.states)
        return web.json_response({"healthy": True, "broker": self._broker.connected})

    async def _metrics(self, _: web.Request) -> web.Response:
        snapshot, _problem = await self._look()
        states = await asyncio.to_thread(self._store.states)
        totals = await asyncio.to_thread(self._store.totals)
        body = metrics.render(snapshot, states, totals)
        return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _overview(self, request: web.Request) -> web.Response:
        _parameters(request)
        snapshot, problem = await self._look()
        return web.json_response(
            {
                "at": time.time(),
                "broker": {"connected": self._broker.connected, "problem": problem},
                "queues": [asdict(each) for each in snapshot.queues] if snapshot else [],
                "nodes": [{**asdict(node), "free": node.free} for node in snapshot.nodes] if snapshot else [],
                "jobs": await asyncio.to_thread(self._store.states),
            }
        )

    async def _batches(self, request: web.Request) -> web.Response:
        limit = _limit(_parameters(request, "limit"))
        return web.json_response({"batches": await asyncio.to_thread(self._store.batches, limit=limit)})

    async def _batch(self, request: web.Request) -> web.Response:
        batch = await self._known_batch(request)
        return web.json_response({**batch, "interrupted": await self._is_interrupted(batch)})

    async def _is_interrupted(self, batch: dict[str, Any]) -> bool:
        """Whether the batch's submission was broken off, so that no job of it comes any more.

        Perhaps nobody announced it. Then the broker has no job of the event, and the batch does not change.
        """
        event, name = batch["event"], batch["batch"]
        if batch["submitted"] is not None:
            return False
        quiet = time.time() - await asyncio.to_thread(self._store.last_change, event, name)
        if quiet < INTERRUPTED_SECONDS:
            return False
        snapshot, _problem = await self._look()
        queues = [each for each in snapshot.queues if each.event == event] if snapshot else []
        return all(each.counted and not each.queued + each.taken + each.retrying for each in queues)

    async def _cancel_batch(self, request: web.Request) -> web.Response:
        known = await self._known_batch(request)
        event, batch = known["event"], known["batch"]
        if not names.SAFE_ID.fullmatch(batch):
            raise Refused(400, f"batch {batch!r} has a name that cannot be cancelled")
        stopped = await self._cancellation.batch(event, batch)
        return web.json_response({"batch": batch, "event": event, "stopped": stopped})

    async def _jobs(self, request: web.Request) -> web.Response:
        parameters = _parameters(request, "limit", "before", *FILTERS)
        filters = {name: parameters[name] for name in FILTERS if name in parameters}
        if "job" in filters:
            filters["job"] = job_id_for(filters["job"])
        before = _integer(parameters, "before")
        jobs = await asyncio.to_thread(self._store.jobs, filters, limit=_limit(parameters), before=before)
        if not jobs and set(filters) == {"job"} and before is None:
            jobs = await asyncio.to_thread(self._store.find, filters["job"])
        return web.json_response({"jobs": jobs})

    async def _job(self, request: web.Request) -> web.Response:
        _parameters(request)
        event, named = request.match_info["event"], request.match_info["job"]
        job = job_id_for(named)
        found = await asyncio.to_thread(self._store.job, event, job)
        if found is None:
            raise Refused(404, f"no job {named} of event {event} is known")
        return web.json_response(found)

    async def _cancel_job(self, request: web.Request) -> web.Response:
        event, named = request.match_info["event"], request.match_info["job"]
        job = job_id_for(named)
        found = await asyncio.to_thread(self._store.job, event, job)
        if found is None:
            # It may be queued, and nothing was announced about it yet.
            snapshot = await self._management.snapshot()
            if event not in {each.event for each in snapshot.queues}:
                raise Refused(404, f"no job {named} of event {event} is known")
        verdict = await self._cancellation.job(event, job, batch=found["batch"] if found else None)
        return web.json_response({"job": job, "event": event, "state": verdict.state})

    async def _reasons(self, request: web.Request) -> web.Response:
        parameters = _parameters(request, "event", "batch", "limit")
        reasons = await asyncio.to_thread(
            self._store.reasons,
            event=parameters.get("event"),
            batch=parameters.get("batch"),
            limit=_limit(parameters),
        )
        return web.json_response({"reasons": reasons})

    async def _forget(self, request: web.Request) -> web.Response:
        until = _integer(_parameters(request, "until"), "until")
        if until is None:
            raise Refused(400, "say until which time, in unix seconds: ?until=SECONDS")
        return web.json_response({"forgotten": await asyncio.to_thread(self._store.forget, float(until))})

    async def _known_batch(self, request: web.Request) -> dict[str, Any]:
        name, event = request.match_info["batch"], _parameters(request, "event").get("event")
        found = await asyncio.to_thread(self._store.batch, name, event=event)
        if not found:
            raise Refused(404, f"no batch {name} is known")
        if len(found) > 1:
            events = " or ".join(each["event"] for each in found)
            raise Refused(400, f"several events have a batch {name}: say which event, {events}")
        return found[0]

    async def _look(self) -> tuple[Snapshot | None, str | None]:
        try:
            return await self._management.snapshot(), None
        except ManagementDown as error:
            return None, str(error)


async def _page(_: web.Request) -> web.Response:
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=PAGE, content_type="text/html", headers=headers)


async def _openapi(_: web.Request) -> web.Response:
    return web.json_response(OPENAPI)


def _parameters(request: web.Request, *known: str) -> dict[str, str]:
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        hint = f"use {', '.join(known)}" if known else "there is none here"
        raise Refused(400, f"unknown parameter {unknown[0]!r}: {hint}")
    return dict(request.query)


def _limit(parameters: dict[str, str]) -> int:
    limit = _integer(parameters, "limit")
    if limit is None:
        return ROWS
    if not 1 <= limit <= MOST_ROWS:
        raise Refused(400, f"limit is {limit}: use 1 to {MOST_ROWS}")
    return limit


def _integer(parameters: dict[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise Refused(400, f"{name} is {text!r}: use a whole number")
    return number
