"""A Workflow Manager for tests: speaks and writes as OODT 0.3 with the cluster's instance repository.

    python testing/standins/workflow_manager.py PORT RUN_DIR FILE_MANAGER_URL WORK_DIR MAX_WORKFLOWS

It runs two tasks that each ingest one file. A job's metadata says how it goes:
    Seconds      how long each task runs (0)
    Until        FILE: no task ends before it is there
    Fail         exit (the first program exits with 1), task2 (the second does), output (makes no file),
                 refuse-event (handleEvent is a fault)
    Attempts     FILE: fail as above only as long as FILE, a counter, is below FailTimes
    Hang         the first program does not end before it is killed
    Output       what the programs write
Without metadata field Run the run ends METMISS, as a workflow with a required field does.
"""

import json
import os
import sys
import threading
import time
import uuid
import xmlrpc.client
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from xmlrpc.server import SimpleXMLRPCServer

Metadata = dict[str, str]
HOLD_SECONDS = 0.05  # between two looks
TASKS = ("urn:test:TaskOne", "urn:test:TaskTwo")
EVENTS = ("test-workflow", "other-workflow")


class WorkflowManager:
    """handleEvent and what the cluster asks for."""

    def __init__(self, run_dir: Path, file_manager: str, work_dir: Path, threads: int) -> None:
        self._runs = run_dir / "runs"
        self._runs.mkdir(parents=True, exist_ok=True)
        self._work_dir = work_dir
        self._file_manager = file_manager
        self._pool = ThreadPoolExecutor(threads)
        self._stopped: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._contexts: dict[str, Metadata] = {}
        self._boot = uuid.uuid4().hex
        draft = run_dir / "wm-boot.new"
        draft.write_text(self._boot)
        draft.replace(run_dir / "wm-boot")

    def _dispatch(self, method: str, params: tuple[Any, ...]) -> Any:
        return getattr(self, method.replace(".", "_"))(*params)

    def workflowmgr_getRegisteredEvents(self) -> list[str]:
        return list(EVENTS)

    def workflowmgr_handleEvent(self, event: str, context: dict[str, Any]) -> bool:
        if event not in EVENTS:
            return False
        metadata = {key: value[0] if isinstance(value, list) else value for key, value in context.items()}
        if metadata.get("Fail") == "refuse-event":
            raise RuntimeError("Engine exception when starting workflow")
        run = metadata.get("JobKey") or uuid.uuid4().hex
        self._contexts[run] = metadata
        tasks = [{"id": task, "class": "StdPGETaskInstance", "pge": True} for task in TASKS]
        self._write(run, "instance", wm=self._boot, workflow="urn:test:Workflow", tasks=tasks)
        self._write(run, "status", status="CREATED", task="null")
        self._pool.submit(self._execute, run, metadata)
        return True

    def workflowmgr_getWorkflowInstanceMetadata(self, run: str) -> Metadata:
        return self._contexts.get(run, {})

    def workflowmgr_getWorkflowInstanceById(self, run: str) -> dict[str, Any]:
        return {"id": run, "sharedContext": self._contexts[run]}

    def workflowmgr_getWorkflowWallClockMinutes(self, run: str) -> float:
        return 1.0 if run in self._contexts else 0.0

    def workflowmgr_stopWorkflowInstance(self, run: str) -> bool:
        if run not in self._contexts:
            return True
        self._stopped[run].set()
        self._write(run, "status", status="FINISHED", task=TASKS[0])
        return True

    def _execute(self, run: str, metadata: Metadata) -> None:
        try:
            self._tasks(run, metadata)
        except Exception as error:
            print(f"run {run}: {error!r}", file=sys.stderr)

    def _tasks(self, run: str, metadata: Metadata) -> None:
        if "Run" not in metadata:
            self._write(run, "status", status="METMISS", task=TASKS[0], missing=["Run"])
            return
        fail = metadata.get("Fail") if _still_fails(metadata) else None
        for number, task in enumerate(TASKS, start=1):
            self._write(run, "status", status="STARTED", task=task)
            self._write(run, "status", status="PGETask_Running", task=task)
            time.sleep(float(metadata.get("Seconds", "0")))
            self._hold(run, metadata)
            if metadata.get("Hang") == "true":
                self._stopped[run].wait()
                self._write(
                    run, "task-failed", task=task, error="its program did not exit with 0 but with 137"
                )
            elif (fail, number) not in {("exit", 1), ("task2", 2)}:
                self._ingest(run, task, number, metadata, output=fail != "output")
            if "Output" in metadata:
                self._write(run, "log", task=task, text=metadata["Output"])
            self._write(run, "task-ended", task=task)
            if self._stopped[run].is_set():
                return
        self._write(run, "status", status="FINISHED", task=TASKS[-1])

    def _hold(self, run: str, metadata: Metadata) -> None:
        """Wait until the task may end, or is told to."""
        while "Until" in metadata and not Path(metadata["Until"]).exists():
            if self._stopped[run].wait(HOLD_SECONDS):
                return

    def _ingest(self, run: str, task: str, number: int, metadata: Metadata, *, output: bool) -> None:
        file = self._work_dir / run / f"{run}_{number}.dat"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not output:
            problem = f"no file matches .*dat in {file.parent}"
            self._write(run, "expects", task=task, files=[], problems=[problem])
            self._write(run, "status", status="PGETask_Crawling", task=task)
            return
        file.write_text(json.dumps(metadata))
        self._write(run, "expects", task=task, files=[str(file)], problems=[])
        self._write(run, "status", status="PGETask_Crawling", task=task)
        archived = self._work_dir / "archive" / file.name
        archived.parent.mkdir(exist_ok=True)
        reference = {
            "origReference": file.as_uri(),
            "dataStoreReference": "",
            "fileSize": "1",
            "mimeType": "",
        }
        product: dict[str, Any] = {
            "id": "",
            "name": file.name,
            "type": {"id": "urn:test:Type", "name": "TestType"},
            "structure": "Flat",
            "transferStatus": "TRANSFERING",
            "references": [reference],
        }
        with xmlrpc.client.ServerProxy(self._file_manager) as manager:
            # As OODT's client does with client transfer; a failed ingest is only a line in its log.
            try:
                context = {**metadata, "WorkflowInstId": [run]}
                product["id"] = manager.filemgr.ingestProduct(product, context, True)
                product["references"] = [{**reference, "dataStoreReference": archived.as_uri()}]
                manager.filemgr.addProductReferences(product)
                os.replace(file, archived)
                manager.filemgr.setProductTransferStatus({**product, "transferStatus": "RECEIVED"})
            except (OSError, xmlrpc.client.Error) as error:
                print(f"run {run}: not ingested: {error}", file=sys.stderr)

    def _write(self, run: str, kind: str, **fields: Any) -> None:
        line = json.dumps({"kind": kind, "at": time.time(), **fields}) + "\n"
        handle = os.open(self._runs / f"{run}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o660)
        os.write(handle, line.encode())
        os.close(handle)


def _still_fails(metadata: Metadata) -> bool:
    counter = metadata.get("Attempts")
    if counter is None:
        return True
    path = Path(counter)
    before = int(path.read_text()) if path.exists() else 0
    path.write_text(str(before + 1))
    return before < int(metadata.get("FailTimes", "1"))


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    port, run_dir, file_manager, work_dir, threads = sys.argv[1:]
    server = Server(("127.0.0.1", int(port)), logRequests=False)
    server.register_instance(WorkflowManager(Path(run_dir), file_manager, Path(work_dir), int(threads)))
    server.serve_forever()


if __name__ == "__main__":
    main()
