"""One run of one job, without a queue: the job as JSON on standard input, its outcome on standard output.

Run and verdict are the worker's: whoever tries a workflow learns what a cluster would say of the run.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import IO, Any

import aiohttp

from runtime import names
from runtime.messaging.messages import Job, Metadata
from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.oodt.workflow_manager import WorkflowManager
from runtime.outcome import Outcome, to_fields
from runtime.process import run_process
from runtime.records.journal import Journals
from runtime.records.ledger import Ledger, Run
from runtime.worker.leases import Leases
from runtime.worker.products import withdraw
from runtime.worker.runner import Runner, did_not_end
from runtime.worker.settings import WorkerSettings, worker_settings

PROBE_PAUSE_SECONDS = 0.1
PROBE_SECONDS = 10.0
NO_ANSWER = "the services did not answer in time"
NO_END = "it did not end in time"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A job, and how many seconds all of this may take: the start of the services, and the run."""

    id: str
    event: str
    metadata: Metadata
    seconds: float

    @classmethod
    def read(cls, stream: IO[str]) -> "Request":
        return cls(**json.load(stream))


async def attempt(settings: WorkerSettings, request: Request) -> dict[str, Any]:
    """What became of the job: the fields of its outcome, and whether its time was over."""
    deadline = time.monotonic() + request.seconds
    async with xml_rpc.session() as client:
        journals = Journals(settings.run_dir)
        runner = Runner(WorkflowManager(client, settings.wmgr_url, settings.run_dir), journals)
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + request.seconds):
                await runner.ready()
                await _file_manager_answers(client, settings)
        except TimeoutError:
            outcome = Outcome(result="failed", reason=NO_ANSWER)
        else:
            tell({"ready": True})
            journals.follow()
            outcome = await _run(settings, request, runner, client, deadline)
            journals.stop()
    return {
        "succeeded": outcome.result == "succeeded",
        "timed_out": outcome.reason in {NO_ANSWER, NO_END},
        "archive": os.environ[names.OODT_ARCHIVE],
        **to_fields(outcome),
    }


async def _run(
    settings: WorkerSettings,
    request: Request,
    runner: Runner,
    client: aiohttp.ClientSession,
    deadline: float,
) -> Outcome:
    ledger = Ledger(settings.ledger, node=settings.node, lease=settings.lease, gateway=settings.gateway_url)
    leases = Leases(ledger)
    run = ledger.claim(request.event, request.id)
    assert isinstance(run, Run), run
    renewal = asyncio.create_task(leases.keep())
    with leases.held(run) as lease:
        job = Job(id=request.id, event=request.event, metadata=request.metadata)
        outcome = await runner.start(job, run)
        if not isinstance(outcome, Outcome):
            seconds = deadline - time.monotonic()
            outcome = await runner.finish(outcome, lease, seconds=seconds)
            if outcome.reason == did_not_end(seconds):
                # Nobody has asked for the seconds that were left for the run.
                outcome = replace(outcome, reason=NO_END)
    renewal.cancel()
    if outcome.result != "succeeded":
        file_manager = FileManager(client, settings.filemgr_url)
        await withdraw(ledger, file_manager, run.folder, only=run.number, again=True)
    return outcome


async def _file_manager_answers(client: aiohttp.ClientSession, settings: WorkerSettings) -> None:
    """Return once it answers through the gateway, as the crawler will ask it."""
    url = f"http://localhost:{settings.filemgr_gateway_port}"
    while True:
        try:
            # It is alive before the catalogue is open. This method needs what OODT sets up last.
            await xml_rpc.call(client, url, "filemgr.getCurrentFileTransfers", seconds=PROBE_SECONDS)
            return
        except (ConnectionError, xml_rpc.Fault):
            await asyncio.sleep(PROBE_PAUSE_SECONDS)


def tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


async def _process(settings: WorkerSettings, _stop: asyncio.Event) -> None:
    tell({"outcome": await attempt(settings, Request.read(sys.stdin))})


if __name__ == "__main__":
    sys.exit(run_process("attempt", _process, worker_settings))
