"""A worker as processes of this machine: a stand-in for the Workflow Manager, gateway and consumer."""

import os
import signal
import socket
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from testing.ports import free_port
from testing.waiting import until
from toolchain.paths import REPOSITORY

STANDINS = REPOSITORY / "testing" / "standins"
STOP_SECONDS = 30
LEASE_SECONDS = 3

Part = Literal["manager", "gateway", "consumer"]


@dataclass(kw_only=True)
class Site:
    """What all workers share: broker, File Manager, shared disk."""

    folder: Path
    broker_url: str
    filemgr_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        for name in ("ledger", "work"):
            (self.folder / name).mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(STANDINS / "file_manager.py"), str(self.filemgr_port)]
        with open(self.folder / "file-manager.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: _answers(self.filemgr_url, "filemgr.isAlive"), what="File Manager")

    def stop(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None

    @property
    def filemgr_url(self) -> str:
        return f"http://127.0.0.1:{self.filemgr_port}"

    @property
    def file_manager(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy(self.filemgr_url)

    def products(self) -> list[str]:
        """Names of the products in the catalogue; each of them has its file in the archive."""
        found = self.file_manager.standin.products()
        assert isinstance(found, list)
        return sorted(product["name"] for product in found)

    def archived(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "work" / "archive").glob("*"))


@dataclass(kw_only=True)
class Worker:
    """The parts of one Workflow Manager container; ``manager`` is the stand-in for the Workflow Manager."""

    site: Site
    name: str = "node1"
    manager: str = "workflow_manager.py"
    settings: dict[str, str] = field(default_factory=dict)
    consumer_arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.run_dir = self.site.folder / self.name
        self.run_dir.mkdir()
        self.manager_port, self.gateway_port, self.filemgr_gateway_port = (free_port() for _ in range(3))
        self._processes: dict[Part, subprocess.Popen[bytes]] = {}

    def start(self, *parts: Part) -> None:
        """Start these parts, or all of them."""
        for part in parts or ("manager", "gateway", "consumer"):
            with open(self.log(part), "ab") as log:
                self._processes[part] = subprocess.Popen(
                    self._command(part), env=self._environment(), cwd=REPOSITORY, stdout=log, stderr=log
                )
            if part == "manager":
                until(
                    lambda: _answers(self.manager_url, "workflowmgr.getRegisteredEvents"),
                    what="Workflow Manager",
                )
            elif part == "gateway":
                until(partial(_listens, self.filemgr_gateway_port), what="gateway")
            else:
                self.wait_for_log("consumer", "taking jobs of")

    def kill(self, part: Part) -> None:
        """As kill -9 does."""
        process = self._processes.pop(part)
        process.kill()
        process.wait(STOP_SECONDS)

    def terminate(self, part: Part) -> None:
        """Ask the part to stop; it may take its time."""
        self._processes[part].send_signal(signal.SIGTERM)

    def wait_stopped(self, part: Part, seconds: float = STOP_SECONDS) -> int:
        return self._processes.pop(part).wait(seconds)

    def freeze(self, part: Part) -> None:
        self._processes[part].send_signal(signal.SIGSTOP)

    def thaw(self, part: Part) -> None:
        self._processes[part].send_signal(signal.SIGCONT)

    def close(self) -> None:
        for part in list(self._processes):
            self.kill(part)

    def resident(self, part: Part) -> int:
        """Memory of a part, in KiB."""
        status = Path(f"/proc/{self._processes[part].pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def cpu_seconds(self, part: Part) -> float:
        """Processor time that a part has used."""
        fields = Path(f"/proc/{self._processes[part].pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self, part: Part) -> Path:
        return self.run_dir / f"{part}.log"

    def wait_for_log(self, part: Part, text: str, seconds: float = 30.0) -> None:
        until(
            lambda: text in self.log(part).read_text(), seconds=seconds, what=f"{text!r} in the log of {part}"
        )

    @property
    def manager_url(self) -> str:
        return f"http://127.0.0.1:{self.manager_port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    def _command(self, part: Part) -> list[str]:
        if part != "manager":
            arguments = self.consumer_arguments if part == "consumer" else ()
            return [sys.executable, "-m", f"runtime.{part}", *arguments]
        return [
            sys.executable,
            str(STANDINS / self.manager),
            str(self.manager_port),
            str(self.run_dir),
            f"http://127.0.0.1:{self.filemgr_gateway_port}",
            str(self.site.folder / "work"),
            self.settings.get("MAX_WORKFLOWS", "4"),
        ]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "RABBITMQ_USER_URL": self.site.broker_url,
            "WORKFLOW_QUEUE": "test-workflow",
            "WORKFLOW_URL": self.gateway_url,
            "PROXIED_WORKFLOW_URL": self.manager_url,
            "FILEMGR_URL": f"http://localhost:{self.filemgr_gateway_port}",
            "PROXIED_FILEMGR_URL": self.site.filemgr_url,
            "OODT_LEDGER": str(self.site.folder / "ledger"),
            "OODT_RUN_DIR": str(self.run_dir),
            "NODE_NAME": self.name,
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "STOP_GRACE_SECONDS": "30",
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }


def _answers(url: str, method: str) -> bool:
    try:
        with xmlrpc.client.ServerProxy(url) as server:
            getattr(server, method)()
    except (OSError, xmlrpc.client.Error):
        return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=STOP_SECONDS).close()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(STOP_SECONDS)
