"""The cluster that is measured: containers of the project's images, a broker and any number of workers."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pika

from bench.submitting import submit
from runtime import names
from runtime.messaging.announcements import StateChange, decode
from runtime.messaging.event import Event
from testing.oodt import Container, Oodt, docker
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until

EVENT = "test-workflow"
BROKER = "oodt-rabbitmq"
BATCH_SECONDS = 1500
LOOK_SECONDS = 0.2
METADATA = ("--metadata", "Dataset=abc", "--metadata", "Project=123")


@dataclass(kw_only=True)
class Cluster:
    """Broker, File Manager and workers. ``ended`` collects the last state change of each job."""

    images: dict[str, str]
    folder: Path
    workers: int
    slots: int
    ended: list[StateChange] = field(default_factory=list)
    nodes: list[Container] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Cluster"]:
        self.folder.mkdir(parents=True)
        server = RabbitMQ(image=self.images["rabbitmq"], name=unique_name())
        self.oodt = Oodt(image=self.images["oodt"], folder=self.folder, name=unique_name())
        with ExitStack() as stack:
            stack.callback(self.oodt.remove)
            stack.callback(server.remove)  # first: it is on the other's network
            server.start(self.folder)
            self.vhost = VirtualHost.make(server, (Event(name=EVENT),))
            self.oodt.start_file_manager()
            docker("network", "connect", "--alias", BROKER, self.oodt.name, server.name)
            for number in range(self.workers):
                self.add_worker(f"node{number + 1}")
            for node in self.nodes:
                node.wait_until_healthy("wmgr")
            collector = threading.Thread(target=self._collect)
            collector.start()
            stack.callback(collector.join)
            stack.callback(self._stopping.set)
            self.run(
                jobs=2 * self.workers * self.slots, seconds=0
            )  # so that the JVMs have compiled their hot code
            yield self

    def add_worker(self, name: str) -> Container:
        """Start a worker; it may still be starting when this returns."""
        settings = {"WORKFLOW_QUEUE": EVENT, "MAX_WORKFLOWS": str(self.slots), "NODE_NAME": name}
        user_url = self.vhost.url_at(f"{BROKER}:5672")
        node = self.oodt.run_wmgr(user_url=user_url, **settings)
        self.nodes.append(node)
        return node

    def run(self, *, jobs: int, seconds: float) -> tuple[float, list[StateChange]]:
        """Run a batch to its end: seconds from the first submit to the last verdict, and each job's end."""
        before = len(self.ended)
        batch = ("--event", EVENT, "--jobs", str(jobs), *METADATA, "--metadata", f"Seconds={seconds}")
        waiting = ("--wait", "--timeout", str(BATCH_SECONDS))
        report = submit(self.vhost.url, *batch, *waiting, seconds=BATCH_SECONDS)
        until(lambda: len(self.ended) >= before + jobs, what="the ends of all jobs")
        return float(report["seconds"]), self.ended[before : before + jobs]

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that workers, File Manager and broker have used so far."""
        return {
            "worker": sum(_cpu_seconds(node) for node in self.nodes),
            "filemgr": _cpu_seconds(self.oodt.filemgr),
            "broker": _cpu_seconds(Container(name=self.vhost.server.name)),
        }

    def resident(self, node: Container) -> dict[str, float]:
        """Memory of each part of a worker, in MiB."""
        found = {}
        for part, program in (
            ("WM", "java"),
            ("gateway", "runtime.gateway"),
            ("consumer", "runtime.consumer"),
        ):
            pid = node.run("pgrep", "--oldest", "--full", program).split()[0]
            status = node.run("cat", f"/proc/{pid}/status")
            found[part] = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        return found

    def _collect(self) -> None:
        """Collect the state changes of the cluster's jobs as they come."""
        with pika.BlockingConnection(pika.URLParameters(self.vhost.url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, names.EVENTS_EXCHANGE, "#")
            for _, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=LOOK_SECONDS):
                if self._stopping.is_set():
                    return
                change = decode(body) if body is not None else None
                if (
                    isinstance(change, StateChange)
                    and change.ended is not None
                    and change.state != "RETRYING"
                ):
                    self.ended.append(change)


def unique_name() -> str:
    """A name for containers, volumes and networks of this run."""
    return f"oodt-bench-{uuid.uuid4().hex[:8]}"


def _cpu_seconds(container: Container) -> float:
    usage = container.run(
        "sh", "-c", "cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpuacct/cpuacct.usage", check=False
    )
    for line in usage.splitlines():
        if line.startswith("usage_usec"):
            return int(line.split()[1]) / 1e6
        if line.isdigit():
            return int(line) / 1e9
    raise RuntimeError(f"no processor time of {container.name} in {usage!r}")
