"""Settings of the processes beside a Workflow Manager, consumer and gateway."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runtime import names
from runtime.environment import address, boolean, integer
from runtime.messaging.address import broker_url
from runtime.messaging.event import Event, events


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What the processes beside a Workflow Manager must know.

    ``gateway_url`` is this container's gateway as other containers reach it. ``lease`` is how many seconds
    after its last sign of life a worker still owns its runs.
    """

    events: tuple[Event, ...]
    broker_url: str
    wmgr_url: str
    filemgr_url: str
    gateway_port: int
    gateway_url: str
    filemgr_gateway_port: int
    ledger: Path
    run_dir: Path
    node: str
    stop_grace: int
    lease: int
    proxy: bool


def worker_settings(env: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Settings of this container; raises SettingError."""
    gateway_port = _port(env, names.WORKFLOW_URL, names.GATEWAY_PORT)
    return WorkerSettings(
        events=events(env),
        broker_url=broker_url(env),
        wmgr_url=address(env, names.PROXIED_WORKFLOW_URL, default=f"http://localhost:{names.WMGR_PORT}"),
        filemgr_url=address(env, names.PROXIED_FILEMGR_URL, default=names.DEFAULT_FILEMGR_URL),
        gateway_port=gateway_port,
        gateway_url=f"http://{_own_address()}:{gateway_port}",
        filemgr_gateway_port=_port(env, names.FILEMGR_URL, names.FILEMGR_PORT),
        ledger=Path(env.get(names.OODT_LEDGER) or names.LEDGER_DIR),
        run_dir=Path(env.get(names.OODT_RUN_DIR) or names.RUN_DIR),
        node=env.get(names.NODE_NAME) or socket.gethostname(),
        stop_grace=integer(env, names.STOP_GRACE_SECONDS, names.DEFAULT_STOP_GRACE_SECONDS, least=0),
        lease=integer(env, names.LEASE_SECONDS, names.DEFAULT_LEASE_SECONDS),
        proxy=boolean(env, names.PROXY),
    )


def _own_address() -> str:
    """Where the other containers of the network reach this one."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "localhost"


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    """The gateway's port, as this container's clients know it."""
    return urlsplit(address(env, name, default=f"http://localhost:{default}")).port or default
