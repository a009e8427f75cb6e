"""A cluster as far as `oodt fetch` needs one: archive, File Manager, status service, and a shell for ssh."""

import contextlib
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.messaging.announcements import State, StateChange, Submission
from runtime.outcome import Outcome, Product
from runtime.status_service.store import Store
from testing.standins.file_manager import FileManager, Server
from tests.unit.runtime.status_api import parts, served

EVENT = "test-workflow"
TOKEN = "only-for-tests"


@dataclass(kw_only=True)
class ResultsSite:
    """Jobs that have ended, and what they have left. ``bin`` is for PATH: pulumi, ssh and docker."""

    folder: Path
    store: Store
    status_url: str
    file_manager_url: str
    catalogue: FileManager
    ended: float = 0.0

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def environment(self) -> dict[str, str]:
        """Of the status service's container."""
        return {
            "OODT_ARCHIVE": str(self.archive),
            "STATUS_URL": self.status_url,
            "STATUS_TOKEN": TOKEN,
            "PROXIED_FILEMGR_URL": self.file_manager_url,
        }

    def job(
        self,
        job: str,
        *files: str,
        state: State = "SUCCEEDED",
        event: str = EVENT,
        reason: str | None = None,
        written: bool = True,
    ) -> None:
        """A job that has come to this state with products, each of one file; the file holds the job's id."""
        products = []
        for file in files:
            path = self.archive / file
            if written:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{job} {file}")
            products.append(self.product(path.name, str(path), metadata={"Job": [job]}))
        self.announce(job, products, state=state, event=event, reason=reason)

    def product(self, name: str, *archived: str, metadata: dict[str, list[str]] | None = None) -> Product:
        made = {"name": name, "type": {"id": "urn:test:Type"}, "references": []}
        identity = self.catalogue.filemgr_ingestProduct(made, metadata or {}, True)
        return Product(id=identity, name=name, type="TestFile", archived=archived)

    def announce(
        self,
        job: str,
        products: list[Product],
        *,
        state: State = "SUCCEEDED",
        event: str = EVENT,
        reason: str | None = None,
    ) -> None:
        self.ended += 1
        outcome = Outcome(
            result="succeeded" if state == "SUCCEEDED" else "failed", reason=reason, products=tuple(products)
        )
        change = StateChange(
            job=job,
            event=event,
            batch=job.rpartition(".")[0] or None,
            state=state,
            run=1,
            attempts=1,
            node="node1",
            started=self.ended,
            ended=self.ended,
            outcome=outcome,
        )
        self.store.apply([change])

    def submitted(self, batch: str, jobs: int, event: str = EVENT) -> None:
        self.store.apply([Submission(batch=batch, event=event, jobs=jobs, submitted=jobs)])

    def let_ssh_in(self, *, through: str = "cat") -> None:
        """Make the programs; what the archive's end says goes THROUGH a filter, as over a bad line."""
        self.bin.mkdir(exist_ok=True)
        outputs = {"ssh": "ssh -i 'a key' root@manager"}
        variables = " ".join(shlex.quote(f"{name}={value}") for name, value in self.environment.items())
        for name, script in {
            "pulumi": f"echo {shlex.quote(json.dumps(outputs))}",
            # The shell of the manager takes the last word apart, as sshd has it.
            "ssh": f'for command; do :; done; echo "a login\'s words"; sh -c "$command" | {through}',
            "docker": 'case "$1 $2 $3" in\n'
            "ps*) echo c0ffee ;;\n"
            f'"exec --interactive c0ffee") shift 4; exec env {variables} {sys.executable} "$@" ;;\n'
            "*) exit 125 ;;\nesac",
        }.items():
            (self.bin / name).write_text(f"#!/bin/bash\nset -o pipefail\n{script}\n")
            (self.bin / name).chmod(0o755)


@contextlib.contextmanager
def results_site(folder: Path) -> Iterator[ResultsSite]:
    """The services run in threads of this process."""
    (folder / "archive").mkdir()
    store = Store(folder / "history.sqlite", keep=1_000_000)
    catalogue = FileManager()
    with Server(("127.0.0.1", 0), logRequests=False) as server, served(parts(store, TOKEN)) as port:
        server.register_instance(catalogue)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ResultsSite(
            folder=folder,
            store=store,
            status_url=f"http://127.0.0.1:{port}",
            file_manager_url=f"http://127.0.0.1:{server.server_address[1]}",
            catalogue=catalogue,
        )
        server.shutdown()
    store.close()
