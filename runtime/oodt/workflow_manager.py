"""The Workflow Manager beside this process: submit to it, stop an instance, see whether it was replaced."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from runtime import names
from runtime.oodt import xml_rpc

log = logging.getLogger(__name__)

HANDLE_EVENT_SECONDS = 60.0
CALL_SECONDS = 10.0
PROBE_PAUSE_SECONDS = 1.0
FIX = (
    "Put oodt-cluster.jar on its class path and into its workflow.properties: "
    "workflow.engine.factory=oodt.cluster.workflow.JobEngineFactory and "
    "workflow.engine.instanceRep.factory=oodt.cluster.workflow.JobInstanceRepositoryFactory"
)


class WorkflowManager:
    """XML-RPC client of one Workflow Manager."""

    def __init__(self, client: aiohttp.ClientSession, url: str, run_dir: Path) -> None:
        self._client = client
        self._url = url
        self._boot_file = run_dir / names.BOOT_FILE

    def boot(self) -> str | None:
        """Identity of the running JVM. If it has changed, the runs of the JVM before have ended."""
        try:
            return self._boot_file.read_text().strip() or None
        except FileNotFoundError:
            return None

    async def handle_event(self, event: str, metadata: Mapping[str, str | list[str]], run_id: str) -> bool:
        """Start the event's workflow; False if there is none. Raises as xml_rpc.call."""
        context = {**metadata, names.JOB_KEY: run_id}
        # OODT's Metadata takes text or a Vector of text.
        return bool(await self._call("handleEvent", event, context, seconds=HANDLE_EVENT_SECONDS))

    async def stop(self, run_id: str) -> None:
        """Ask it to begin no further task of the instance and to kill its program."""
        try:
            await self._call("stopWorkflowInstance", run_id, seconds=CALL_SECONDS)
        except (ConnectionError, xml_rpc.Fault) as error:
            log.warning("run %s could not be stopped: %s", run_id, error)

    async def wait_until_up(self) -> None:
        """Return once it answers and keeps journals. There is no time limit: supervisord restarts it."""
        told = None
        while True:
            try:
                await self._call("getRegisteredEvents", seconds=CALL_SECONDS)
                if self.boot() is not None:
                    return
                problem = f"the one at {self._url} keeps no journals in {self._boot_file.parent}. {FIX}"
            except (ConnectionError, xml_rpc.Fault) as error:
                problem = str(error)
            if problem != told:
                log.warning("waiting for the Workflow Manager: %s", problem)
                told = problem
            await asyncio.sleep(PROBE_PAUSE_SECONDS)

    async def _call(self, method: str, *params: object, seconds: float) -> Any:
        return await xml_rpc.call(self._client, self._url, f"workflowmgr.{method}", *params, seconds=seconds)
