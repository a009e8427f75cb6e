"""The gateway before a container's Workflow Manager (port 9001) and the File Manager (localhost:9000).

    python -m runtime.gateway

It passes calls and answers on byte for byte. With PROXY=true a handleEvent call becomes a message in the
event's queue; the client gets "true" when the broker has the message on its disk. A call that cannot be read
is refused, because it might be a handleEvent call. File Manager calls that say something about a product are
recorded as evidence for the verdict.
"""

import asyncio
import contextlib
import logging
import sys
import uuid
import xmlrpc.client
from collections.abc import Awaitable, Callable
from typing import Any
from xml.parsers.expat import ExpatError

import aiohttp
from aiohttp import web

from runtime import json_log, names
from runtime.messaging import messages
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.event import AMQP_PRIORITY
from runtime.messaging.messages import Poison
from runtime.messaging.session import Rejected, Unroutable
from runtime.oodt import xml_rpc
from runtime.process import run_process
from runtime.proxy import http_server, metrics
from runtime.proxy.evidence import INGEST, RECORDED_CALLS, Evidence, ProductCall, product_call
from runtime.proxy.routing import INSTANCE_CALLS, instance_of, is_known, place_of, unknown
from runtime.records.journal import RUNS
from runtime.records.ledger import Ledger
from runtime.worker.settings import WorkerSettings, worker_settings

log = logging.getLogger(__name__)

HANDLE_EVENT = "workflowmgr.handleEvent"
IS_ALIVE = xml_rpc.encoded("filemgr.isAlive")
# The services behind, as the metrics call them.
WORKFLOW_MANAGER, FILE_MANAGER = "workflow_manager", "file_manager"
# A call may move a product's whole file.
FORWARD_SECONDS = 3600.0
PUBLISH_SECONDS = 10.0
PROBE_SECONDS = 3.0
# A File Manager that is started anew, on another node too, costs a run time and no attempt. While it is away
# clients wait; those of OODT do so for an hour.
FILE_MANAGER_SECONDS = 600.0
FILE_MANAGER_PAUSE_SECONDS = 2.0
ROUTED_SECONDS = 60.0
# A call is passed on to another gateway once, whatever the ledger says.
ROUTED_HEADER = "X-OODT-Routed"
UNREADABLE = (
    "this is no XML-RPC call that can be read, so it is not passed on: with PROXY=true it might be an event. "
    "Send well-formed XML with one methodName"
)
UNREADABLE_PRODUCT = (
    "this is no XML-RPC call that can be read, so it is not passed on: what it does would not be on record. "
    "Send well-formed XML with one methodName"
)


class Objection(Exception):
    """Why a call is not carried out."""


class Gateway:
    """Answers HTTP requests for the two upstream services."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        client: aiohttp.ClientSession,
        broker: Broker | None,
        evidence: Evidence,
    ) -> None:
        self._settings = settings
        self._client = client
        self._broker = broker
        self._evidence = evidence
        self._events = {event.name: event for event in settings.events}

    async def workflow_manager(self, request: web.Request) -> web.StreamResponse:
        """A request to port 9001."""
        metrics.CALLS.labels(WORKFLOW_MANAGER).inc()
        body = await http_server.body_of(request)
        method = await xml_rpc.method_of(body)
        if self._broker is not None and method in {HANDLE_EVENT, None}:
            answer = await self._handle_event(self._broker, body) if method else xml_rpc.fault(UNREADABLE)
            if answer is not None:
                return _xml(answer)
        if method in INSTANCE_CALLS and ROUTED_HEADER not in request.headers:
            return _xml(await self._about_an_instance(body))
        return _xml(await self._forward(body))

    async def _about_an_instance(self, body: bytes) -> bytes:
        """Forward a call about a workflow instance to the Workflow Manager that has it."""
        instance = instance_of(_params(body) or ())
        if instance is None or self._evidence.knows(instance):
            return await self._forward(body)
        place = await asyncio.to_thread(place_of, self._settings.ledger, instance)
        if place is None and not await is_known(self._client, self._settings.wmgr_url, instance):
            return xml_rpc.fault(unknown(instance, self._settings.node))
        if place is None or place.gateway == self._settings.gateway_url:
            return await self._forward(body)
        try:
            return await xml_rpc.post(
                self._client, place.gateway, body, seconds=ROUTED_SECONDS, headers={ROUTED_HEADER: "true"}
            )
        except ConnectionError as error:
            return xml_rpc.fault(f"workflow instance {instance} is one of node {place.node}: {error}")

    async def file_manager(self, request: web.Request) -> web.StreamResponse:
        """A request to localhost:9000."""
        metrics.CALLS.labels(FILE_MANAGER).inc()
        body = await http_server.body_of(request)
        method = await xml_rpc.method_of(body)
        if method is None:
            return _xml(xml_rpc.fault(UNREADABLE_PRODUCT))
        if method not in RECORDED_CALLS:
            return _xml(await self._unrecorded(body))
        call = product_call(method, _params(body) or ())
        return _xml(await self._recorded(call, body) if call else xml_rpc.fault(UNREADABLE_PRODUCT))

    async def _unrecorded(self, body: bytes) -> bytes:
        try:
            return await self._when_reachable(lambda: self._to_file_manager(body))
        except ConnectionError as error:
            return xml_rpc.fault(str(error))

    async def _recorded(self, call: ProductCall, body: bytes) -> bytes:
        """Forward a call that says something about a run, and keep it on record."""
        json_log.about(run=call.instance)

        async def unless_objected() -> bytes:
            # While the File Manager was away, another node may have taken the job over.
            if objection := await self._evidence.objection(call):
                raise Objection(objection)
            return await self._to_file_manager(body)

        try:
            try:
                answer = await self._when_reachable(unless_objected)
                value = xml_rpc.answer_of(answer, self._settings.filemgr_url)
            except Objection as error:
                _count_ingest(call, "refused")
                return xml_rpc.fault(str(error))
            except xml_rpc.Fault as error:
                _count_ingest(call, "failed")
                await self._evidence.failed(call, error.faultString)
            except xml_rpc.NoAnswer as error:
                await self._evidence.failed(call, str(error))
                return xml_rpc.fault(str(error))
            except xml_rpc.Unreachable as error:
                await self._evidence.refused(call, str(error))
                return xml_rpc.fault(str(error))
            else:
                await self._evidence.answered(call, value)
                _count_ingest(call, "ingested")
                if call.method == INGEST:
                    log.info("%s is in the catalogue as product %s", call.name, value)
        except OSError as error:
            # A product that is not on record could not be removed, so the client must not believe in it.
            log.exception("%s could not be put on record", call.method)
            return xml_rpc.fault(f"the call could not be put on record: {error}")
        return answer

    async def _handle_event(self, broker: Broker, body: bytes) -> bytes | None:
        """Turn the call into a message; None if it names no event of ours and is for the Workflow Manager."""
        params = _params(body)
        if params is None:
            # The Workflow Manager may be less strict and run it.
            return xml_rpc.fault(UNREADABLE)
        if (
            len(params) != 2
            or not isinstance(params[0], str)
            or params[0] not in self._events
            or not isinstance(params[1], dict)
        ):
            return None
        event = self._events[params[0]]
        try:
            metadata = messages.metadata_from_object(params[1])
            await broker.publish(
                names.EXCHANGE,
                event.name,
                messages.encode(metadata),
                messages.properties_of(uuid.uuid4().hex, priority=AMQP_PRIORITY[event.priority]),
                seconds=PUBLISH_SECONDS,
            )
        except Poison as error:
            metrics.EVENTS.labels(event.name, "refused").inc()
            return xml_rpc.fault(str(error))
        except (BrokerDown, Unroutable, Rejected) as error:
            metrics.EVENTS.labels(event.name, "refused").inc()
            return xml_rpc.fault(f"the job was not queued: {error}")
        metrics.EVENTS.labels(event.name, "queued").inc()
        return xml_rpc.answer(True)

    async def _forward(self, body: bytes) -> bytes:
        try:
            return await xml_rpc.post(self._client, self._settings.wmgr_url, body, seconds=FORWARD_SECONDS)
        except ConnectionError as error:
            metrics.UNREACHABLE.labels(WORKFLOW_MANAGER).inc()
            return xml_rpc.fault(str(error))

    async def _when_reachable(self, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """What CALL returns once the File Manager is there to answer it.

        Raises what CALL does, but Unreachable only after FILE_MANAGER_SECONDS.
        """
        clock = asyncio.get_running_loop().time
        ends = clock() + FILE_MANAGER_SECONDS
        while True:
            try:
                return await call()
            except xml_rpc.Unreachable as error:
                if clock() >= ends:
                    raise
                log.warning("%s; the call waits for it, %g s at most", error, ends - clock())
            await self._until_file_manager_answers(ends)

    async def _until_file_manager_answers(self, ends: float) -> None:
        while asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(FILE_MANAGER_PAUSE_SECONDS)
            with contextlib.suppress(ConnectionError):
                await self._to_file_manager(IS_ALIVE, seconds=PROBE_SECONDS)
                return

    async def _to_file_manager(self, body: bytes, *, seconds: float = FORWARD_SECONDS) -> bytes:
        url = self._settings.filemgr_url
        try:
            return await xml_rpc.post(self._client, url, body, seconds=seconds)
        except ConnectionError:
            metrics.UNREACHABLE.labels(FILE_MANAGER).inc()
            raise

    async def health(self, _: web.Request) -> web.Response:
        """Whether Workflow Manager and broker are there, for docker."""
        try:
            await xml_rpc.call(
                self._client,
                self._settings.wmgr_url,
                "workflowmgr.getRegisteredEvents",
                seconds=PROBE_SECONDS,
            )
        except (ConnectionError, xml_rpc.Fault) as error:
            return web.json_response({"healthy": False, "workflow_manager": str(error)}, status=503)
        broker = self._broker is None or self._broker.connected
        return web.json_response({"healthy": broker, "workflow_manager": "up"}, status=200 if broker else 503)


def _count_ingest(call: ProductCall, result: str) -> None:
    if call.method == INGEST:
        metrics.INGESTS.labels(result).inc()


def _params(body: bytes) -> tuple[Any, ...] | None:
    """The call's parameters; None if it is malformed."""
    try:
        params, _ = xmlrpc.client.loads(body)
    except (ExpatError, ValueError, LookupError, TypeError, AttributeError, xmlrpc.client.Error):
        return None
    return params


def _xml(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="text/xml")


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Serve both ports until STOP is set."""
    evidence = Evidence(
        settings.run_dir / RUNS, Ledger(settings.ledger, node=settings.node, lease=settings.lease)
    )
    evidence.recall()
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(xml_rpc.session())
        broker = None
        if settings.proxy:
            broker = Broker(settings.broker_url, name=f"{settings.node} gateway")
            await stack.enter_async_context(broker)
        gateway = Gateway(settings, client=client, broker=broker, evidence=evidence)
        for application, host, port in (
            (
                http_server.application(
                    gateway.workflow_manager, gets={"/healthz": gateway.health, "/metrics": metrics.metrics}
                ),
                None,
                settings.gateway_port,
            ),
            (http_server.application(gateway.file_manager), "localhost", settings.filemgr_gateway_port),
        ):
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, port).start()
        log.info("answering on ports %d and %d", settings.gateway_port, settings.filemgr_gateway_port)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(run_process("gateway", serve, worker_settings))
