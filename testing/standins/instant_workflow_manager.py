"""A Workflow Manager that finishes each job at once, to measure gateway and consumer alone.

    python testing/standins/instant_workflow_manager.py PORT RUN_DIR

It answers the calls of consumer and gateway, and writes the journal that OODT 0.3 with the cluster's engine
writes for a workflow of one PGE without output: the same lines in the same order, each in a write of its own.
If a job's metadata has ``Fail``, its program exited with 1.
"""

import asyncio
import json
import os
import sys
import time
import uuid
import xmlrpc.client
from pathlib import Path
from typing import Any

TASK = "urn:test:Task"
HEAD_BYTES = 64 * 1024
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"


class WorkflowManager:
    """The calls, each with its answer."""

    def __init__(self, run_dir: Path, events: tuple[str, ...]) -> None:
        self._runs = run_dir / "runs"
        self._runs.mkdir(parents=True, exist_ok=True)
        self._events = events
        self._boot = uuid.uuid4().hex
        draft = run_dir / "wm-boot.new"
        draft.write_text(self._boot)
        draft.replace(run_dir / "wm-boot")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many calls as the client makes on it."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(None, 1)[0]))
                answer = self._answer(body)
                writer.write(RESPONSE % len(answer) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, body: bytes) -> bytes:
        params: Any
        params, method = xmlrpc.client.loads(body)
        match method:
            case "workflowmgr.handleEvent":
                value: Any = self._handle_event(*params)
            case "workflowmgr.getRegisteredEvents":
                value = list(self._events)
            case _:
                return xmlrpc.client.dumps(xmlrpc.client.Fault(0, f"no method {method}")).encode()
        return xmlrpc.client.dumps((value,), methodresponse=True).encode()

    def _handle_event(self, event: str, context: dict[str, Any]) -> bool:
        if event not in self._events:
            return False
        run = str(context["JobKey"])
        task = {"id": TASK, "class": "org.apache.oodt.cas.pge.StdPGETaskInstance", "pge": True}
        self._write(run, "instance", wm=self._boot, workflow="urn:test:Workflow", tasks=[task])
        for status in ("CREATED", "QUEUED", "STARTED", "PGETask_Building_Config_File", "PGETask_Running"):
            self._write(run, "status", status=status, task=TASK)
        if context.get("Fail"):
            self._write(run, "task-failed", task=TASK, error="its program did not exit with 0 but with 1")
        else:
            self._write(run, "expects", task=TASK, files=[], problems=[])
            self._write(run, "status", status="PGETask_Crawling", task=TASK)
        self._write(run, "task-ended", task=TASK)
        self._write(run, "status", status="FINISHED", task=TASK)
        return True

    def _write(self, run: str, kind: str, **fields: Any) -> None:
        line = json.dumps({"kind": kind, "at": round(time.time(), 3), **fields}) + "\n"
        try:
            handle = os.open(self._runs / f"{run}.jsonl", os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            # The consumer removes the journal when it has given the verdict.
            return
        os.write(handle, line.encode())
        os.close(handle)


async def main() -> None:
    manager = WorkflowManager(Path(sys.argv[2]), ("test-workflow",))
    server = await asyncio.start_server(manager.serve, "127.0.0.1", int(sys.argv[1]), limit=HEAD_BYTES)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
