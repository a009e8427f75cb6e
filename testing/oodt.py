"""OODT's two services in containers, as in a cluster, on a network and volumes of their own."""

import asyncio
import json
import subprocess
import tarfile
import uuid
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from runtime.oodt import xml_rpc
from runtime.oodt.file_manager import FileManager
from runtime.workflow_copy import archive
from testing.waiting import BUSY, until
from toolchain.paths import REPOSITORY

WORKFLOWS = (REPOSITORY / "workflows" / "test-workflow", REPOSITORY / "testing" / "workflows" / "foreign")
HOME = "/usr/local/oodt"
RUN_PROGRAM = "/usr/local/libexec/oodt/run-program"
SHARED = ("archive", "jobs", "ledger")
USER_URL = "amqp://nobody:secret-of-tests@nowhere:5672/%2F"
ADMIN_URL = "http://nobody:secret-of-tests@nowhere:15672"
SETTINGS = {"WORKFLOW_QUEUE": "test-workflow,snow-cover", "MAX_WORKFLOWS": "1"}
SUPERVISORCTL = ("supervisorctl", "-s", "unix:///run/supervisord.sock")
COMMAND_SECONDS = BUSY * 60
START_SECONDS = 60
JOB_SECONDS = 60
# A job of the test workflow that is quick.
METADATA = {"Dataset": "abc", "Project": "123", "Run": "1", "Seconds": "0"}
OVER = {"FINISHED", "METMISS"}

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container."""

    name: str

    def run(self, *command: str, user: str = "root", check: bool = True) -> str:
        """What a command in the container prints."""
        done = docker("exec", "--user", user, self.name, *command, check=check)
        return done.stdout + done.stderr

    def log(self) -> str:
        done = docker("logs", self.name)
        return done.stdout + done.stderr

    def has_ended(self) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "false"

    def exit_code(self) -> int:
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)

    def wait_until_healthy(self, service: str) -> None:
        def answers() -> bool:
            if self.has_ended():
                raise AssertionError(f"{self.name} has ended: {self.log()[-2000:]}")
            return docker("exec", self.name, "oodt-health", service, check=False).returncode == 0

        until(answers, seconds=START_SECONDS, what=f"health of {service}")

    def server(self, port: int) -> xmlrpc.client.ServerProxy:
        """An XML-RPC client of a port of the container."""
        address = docker("port", self.name, str(port)).stdout.splitlines()[0]
        return xmlrpc.client.ServerProxy(f"http://{address}")


@dataclass(kw_only=True)
class Oodt:
    """One site: a File Manager, a Workflow Manager and what they share."""

    image: str
    folder: Path
    workflows: Sequence[Path] = WORKFLOWS
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"oodt-test-{uuid.uuid4().hex[:8]}")
    filemgr: Container = field(init=False)
    wmgr: Container = field(init=False)
    _containers: list[Container] = field(default_factory=list)

    def start(self) -> None:
        self.start_file_manager()
        self.wmgr = self.run_wmgr()
        self.wmgr.wait_until_healthy("wmgr")
        # The consumer would remove the journals that the tests read.
        self.wmgr.run(*SUPERVISORCTL, "stop", "consumer")

    def start_file_manager(self) -> None:
        """Start what all Workflow Managers share."""
        with tarfile.open(fileobj=BytesIO(archive(self.workflows, variables=self.variables))) as copy:
            copy.extractall(self.folder, filter="fully_trusted")
        docker("network", "create", self.name)
        for part in SHARED:
            docker("volume", "create", self._volume(part))
        self.filemgr = self.run("filemgr", "--network-alias", "oodt-filemgr", "--publish", "127.0.0.1::9000")
        self.filemgr.wait_until_healthy("filemgr")

    def remove(self) -> None:
        for container in self._containers:
            docker("rm", "--force", "--volumes", container.name, check=False)
        for part in SHARED:
            docker("volume", "rm", self._volume(part), check=False)
        docker("network", "rm", self.name, check=False)

    def run(self, command: str, *options: str, **variables: str) -> Container:
        """Start another container of the image. ``remove`` removes all of them.

        Variables are set with `env`, as in the cluster's service of Workflow Managers.
        """
        container = Container(name=f"{self.name}-{command}-{len(self._containers)}")
        self._containers.append(container)
        mounts = [f"--volume={self._volume(part)}:{HOME}/{part}" for part in SHARED]
        mounts += [f"--volume={self.folder / part}:{HOME}/{part}:ro" for part in ("workflows", "pges")]
        place = ("--name", container.name, "--network", self.name)
        pairs = [f"{name}={value}" for name, value in variables.items()]
        entry = ("--entrypoint", "env", self.image, *pairs, "oodt-entrypoint")
        docker("run", "--detach", *place, *mounts, *options, *entry, command)
        return container

    def run_wmgr(self, *options: str, user_url: str = USER_URL, **variables: str) -> Container:
        """Start a Workflow Manager that takes jobs. At first, every user in it may read its secrets."""
        secrets = []
        for name, content in (("rabbitmq_user_url", user_url), ("rabbitmq_admin_url", ADMIN_URL)):
            file = self.folder / f"{name}-{len(self._containers)}"
            file.write_text(content)
            secrets += ["--volume", f"{file}:/run/secrets/{name}:ro"]
        return self.run("wmgr", "--publish", "127.0.0.1::8001", *secrets, *options, **SETTINGS | variables)

    def _volume(self, part: str) -> str:
        return f"{self.name}-{part}"


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["docker", *arguments], check=False, capture_output=True, text=True, timeout=COMMAND_SECONDS
    )
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done


def journal(manager: Container, run: str) -> list[Line]:
    text = manager.run("cat", f"/run/oodt/runs/{run}.jsonl", check=False)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def run_to_end(manager: Container, event: str, run: str, **metadata: str) -> list[Line]:
    """Send an event to the gateway as a client does, and return the run's journal when it has ended."""
    send(manager, event, JobKey=run, **metadata)
    return wait_for(manager, run)


def send(manager: Container, event: str, **metadata: str) -> None:
    pairs = [word for key, value in metadata.items() for word in ("--key", key, value)]
    manager.run(
        *(f"{HOME}/cas-workflow/bin/wmgr-client", "--url", "http://localhost:9001"),
        *("--operation", "--sendEvent", "--eventName", event, "--metaData", *pairs),
    )


def wait_for(manager: Container, run: str) -> list[Line]:
    until(
        lambda: any(line.get("status") in OVER for line in journal(manager, run)),
        seconds=JOB_SECONDS,
        what=f"the end of run {run}",
    )
    return journal(manager, run)


def kinds(lines: Sequence[Line]) -> list[str]:
    """The lines in short: kind, status and the last part of the task's id."""
    return [
        " ".join(filter(None, [line["kind"], line.get("status"), line.get("task", "").split(":")[-1]]))
        for line in lines
    ]


def products(catalogue: xmlrpc.client.ServerProxy, element: str, value: str) -> list[dict[str, Any]]:
    """Metadata of all products that have VALUE for ELEMENT, sorted by name."""
    term = "org.apache.oodt.cas.filemgr.structs.TermQueryCriteria"
    query = {"criteria": [{"class": term, "elementName": element, "elementValue": value}]}
    filemgr: Any = catalogue.filemgr
    found = [
        filemgr.getMetadata(product)
        for type_ in filemgr.getProductTypes()
        for product in filemgr.query(query, type_)
    ]
    return sorted(found, key=lambda metadata: str(metadata.get("CAS.ProductName")))


def catalogued(url: str) -> list[tuple[dict[str, Any], list[str]]]:
    """Each product in the catalogue of the File Manager at URL, and its files."""

    async def ask() -> list[tuple[dict[str, Any], list[str]]]:
        async with xml_rpc.session() as session:
            return [found async for found in FileManager(session, url).products()]

    return asyncio.run(ask())
