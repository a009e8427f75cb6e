"""A Workflow Manager: runs tasks over simulated time, writes the run's journal, lets the crawler ingest.

What a job's metadata says decides how its runs go: ``Plan`` has a word for each run of the job (the last
counts for all that follow).
"""

import asyncio
import contextlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import names
from runtime.oodt.xml_rpc import Fault
from runtime.proxy.evidence import INSTANCE_KEY
from runtime.records import journal
from runtime.records.journal import RUNS
from runtime.records.ledger import JOINT
from tests.simulation.clock import Process
from tests.simulation.file_manager import RECEIVED, TYPE

if TYPE_CHECKING:
    from tests.simulation.world import World

TASKS = ("urn:test:TaskOne", "urn:test:TaskTwo")
# The run succeeds; its last program fails; a program runs until it is stopped; it cannot be stopped for some
# minutes; a metadata field is missing; a program makes no file; the Workflow Manager refuses the run; many
# files are ingested, slowly.
PLANS = ("ok", "fails", "hangs", "stuck", "metadata", "no output", "refused", "crawls")
STUCK_SECONDS = 150.0
CRAWL_SECONDS = 40.0


@dataclass(eq=False, kw_only=True)
class Instance:
    id: str
    metadata: dict[str, Any]
    plan: str
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


class WorkflowManager:
    """One process of it, a JVM, with as many threads as the container has slots."""

    def __init__(self, world: "World", process: Process, run_dir: Path, gateway: str, threads: int) -> None:
        self._world = world
        self._process = process
        self._run_dir = run_dir
        self._gateway = gateway
        self._threads = asyncio.Semaphore(threads)
        self._instances: dict[str, Instance] = {}
        self._boot = uuid.uuid4().hex
        self._running: set[str] = set()
        (run_dir / RUNS).mkdir(parents=True, exist_ok=True)
        draft = run_dir / "wm-boot.new"
        draft.write_text(self._boot)
        draft.replace(run_dir / names.BOOT_FILE)

    async def handle(self, method: str, *params: Any) -> Any:
        return await getattr(self, f"_{method.removeprefix('workflowmgr.')}")(*params)

    async def _getRegisteredEvents(self) -> list[str]:
        return [event.name for event in self._world.events]

    async def _handleEvent(self, event: str, context: dict[str, Any]) -> bool:
        if event not in await self._getRegisteredEvents():
            return False
        run = context[names.JOB_KEY]
        job = run.partition(JOINT)[0]
        plan = self._world.plan_of_next_run(job, context["Plan"])
        if plan == "refused":
            raise Fault(0, "Engine exception when starting workflow")
        instance = self._instances[run] = Instance(id=run, metadata=context, plan=plan)
        tasks = [{"id": task, "class": "StdPGETaskInstance", "pge": True} for task in TASKS]
        self._write(run, "instance", wm=self._boot, workflow="urn:test:Workflow", tasks=tasks)
        self._write(run, "status", status="QUEUED", task=TASKS[0])
        self._process.spawn(self._run(instance))
        return True

    async def _stopWorkflowInstance(self, run: str) -> bool:
        if instance := self._instances.get(run):
            if not instance.stopped.is_set():
                self._write(run, "status", status="FINISHED", task=TASKS[0])
            instance.stopped.set()
        return True

    async def _run(self, instance: Instance) -> None:
        async with self._threads:
            self._running.add(instance.id)
            self._world.runs_now(self._run_dir, self._running)
            try:
                end = await self._tasks(instance)
            finally:
                self._running.discard(instance.id)
            if not instance.stopped.is_set():
                self._write(instance.id, "status", **end)
            self._instances.pop(instance.id, None)

    async def _tasks(self, instance: Instance) -> dict[str, Any]:
        run, plan = instance.id, instance.plan
        for number, task in enumerate(TASKS, start=1):
            if instance.stopped.is_set():
                break
            if plan == "metadata" and number == 2:
                return {"status": "METMISS", "task": task, "missing": ["Run"]}
            self._write(run, "status", status="STARTED", task=task)
            seconds = {"hangs": 1e9, "stuck": STUCK_SECONDS}.get(plan, instance.metadata.get("Seconds"))
            went_well = await self._program(instance, float(seconds or self._world.random.uniform(0.1, 20)))
            if plan == "fails" and number == 2:
                went_well = False
            if went_well:
                await self._crawl(instance, task, number)
            else:
                self._write(run, "task-failed", task=task, error="its program did not exit with 0 but with 1")
            self._write(run, "task-ended", task=task)
            if not went_well:
                break
        return {"status": "FINISHED", "task": TASKS[-1]}

    async def _program(self, instance: Instance, seconds: float) -> bool:
        """Whether the program has run to its end."""
        if instance.plan == "stuck":
            await asyncio.sleep(seconds)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await instance.stopped.wait()
        return not instance.stopped.is_set()

    async def _crawl(self, instance: Instance, task: str, number: int) -> None:
        """Ingest the outputs of a task, as OODT's crawler does. A crawl is not stopped."""
        job = instance.id.partition(JOINT)[0]
        outputs = 4 if instance.plan == "crawls" else 1
        files = [f"/jobs/{instance.id}/{job}_{number}{n}.dat" for n in range(outputs)]
        if instance.plan == "no output":
            self._write(instance.id, "expects", task=task, files=[], problems=["no file matches *.dat"])
            files = []
        else:
            self._write(instance.id, "expects", task=task, files=files, problems=[])
        self._write(instance.id, "status", status="PGETask_Crawling", task=task)
        for file in files:
            if instance.plan == "crawls":
                await asyncio.sleep(CRAWL_SECONDS)
            await self._ingest(instance, file)

    async def _ingest(self, instance: Instance, file: str) -> None:
        """As OODT's client: after a fault it takes the product out again, as far as it knows of it."""
        call, name = self._world.network.call, file.rpartition("/")[2]
        reference = {"origReference": f"file:{file}", "dataStoreReference": ""}
        product: dict[str, Any] = {
            "id": "",
            "name": name,
            "type": TYPE,
            "structure": "Flat",
            "transferStatus": "TRANSFERING",
            "references": [reference],
        }
        context = {**instance.metadata, INSTANCE_KEY: [instance.id]}
        try:
            by_client = self._world.clients_transfer
            product["id"] = await call(self._gateway, "filemgr.ingestProduct", product, context, by_client)
            if not by_client:
                return
            path = self._world.place(name)
            product["references"] = [{**reference, "dataStoreReference": f"file:{path}"}]
            await call(self._gateway, "filemgr.addProductReferences", product)
            await asyncio.sleep(self._world.latency())
            self._world.step("transfer", path)
            self._world.file_manager.store(path, instance.id)
            await asyncio.sleep(self._world.latency())
            product["transferStatus"] = RECEIVED
            await call(self._gateway, "filemgr.setProductTransferStatus", product)
        except (ConnectionError, Fault) as error:
            self._world.note(f"crawler: {name} of {instance.id} was not ingested: {error}")
            if product["id"]:
                with contextlib.suppress(ConnectionError, Fault):
                    await call(self._gateway, "filemgr.removeProduct", product)

    def _write(self, run: str, kind: str, **fields: Any) -> None:
        self._world.step("journal", f"{run} {kind} {fields.get('status', '')}")
        path = self._run_dir / RUNS / f"{run}.jsonl"
        with contextlib.suppress(FileNotFoundError):
            line = {"kind": kind, "at": self._world.clock(), **fields}
            journal.append(path, line, create=kind == "instance")
