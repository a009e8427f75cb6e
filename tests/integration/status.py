"""The status service as a process beside a site's containers."""

import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import workflow_copy
from testing.ports import free_port
from testing.rabbitmq import ADMIN, PASSWORD, VirtualHost
from testing.waiting import BUSY, until
from testing.worker import Site
from toolchain.paths import REPOSITORY

TOKEN = "only-for-tests"
LOOK_TOKEN = "only-for-tests-that-look"
STOP_SECONDS = 30
REQUEST_SECONDS = BUSY * 10
POST_SECONDS = 30


@dataclass(kw_only=True)
class Status:
    """The service and its history, which is kept when the service ends.

    ``assets`` has what the console loads of other projects, for tests that look at it in a browser.
    ``settings`` are more variables of its environment.
    """

    site: Site
    vhost: VirtualHost
    assets: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def data(self) -> Path:
        return self.site.folder / "status"

    @property
    def log(self) -> str:
        return (self.site.folder / "status.log").read_text()

    @property
    def commands(self) -> dict[str, str]:
        """Environment of the operator's commands."""
        return {"STATUS_URL": self.url, "STATUS_TOKEN": TOKEN, "RABBITMQ_USER_URL": self.vhost.url}

    def start(self) -> None:
        server = self.vhost.server
        environment = {
            **os.environ,
            "RABBITMQ_USER_URL": self.vhost.url,
            "RABBITMQ_ADMIN_URL": f"http://{ADMIN}:{PASSWORD}@127.0.0.1:{server.management_port}",
            "STATUS_TOKEN": TOKEN,
            "STATUS_LOOK_TOKEN": LOOK_TOKEN,
            "STATUS_ASSETS": str(self.assets or self.site.folder / "none"),
            "OODT_CONFIG": str(self._workflows()),
            "EVENTS": '[{"event": "test-workflow"}]',
            "OODT_ARCHIVE": str(self.site.folder / "work" / "archive"),
            "STATUS_LISTEN": str(self.port),
            "STATUS_DATA": str(self.data),
            "OODT_LEDGER": str(self.site.folder / "ledger"),
            "PROXIED_FILEMGR_URL": self.site.filemgr_url,
            **self.settings,
        }
        command = [sys.executable, "-m", "runtime.status_service"]
        with open(self.site.folder / "status.log", "ab") as log:
            self._process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log)
        until(self._connected, what="status service")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """As kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        self._process = None

    def get(self, path: str) -> Any:
        """What the API answers."""
        return json.loads(self.request("GET", f"/api/v1/{path}")[1])

    def post(self, path: str, content: Any = None, *, who: str = "somebody") -> tuple[int, Any]:
        """Status and answer of the API to an action."""
        body = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method="POST", data=body)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("OODT-Who", who)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=POST_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def request(self, method: str, path: str, token: str | None = TOKEN) -> tuple[int, str]:
        """Status and body of any answer."""
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _workflows(self) -> Path:
        """Where the example's policy is, as `pulumi up` copies it."""
        copy = workflow_copy.archive([REPOSITORY / "workflows/test-workflow"], ["policy"])
        with tarfile.open(fileobj=io.BytesIO(copy)) as files:
            files.extractall(self.site.folder / "config", filter="data")
        return self.site.folder / "config" / "workflows"

    def _connected(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return bool(json.loads(self.request("GET", "/healthz")[1])["broker"])
        except OSError:
            return False
