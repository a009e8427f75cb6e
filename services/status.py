"""The status service: the history of jobs, the console on 8080, and the share for `clean` and `reconcile`."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.settings import Settings
from infra.swarm import Swarm
from runtime import names
from services import containers
from services.rabbitmq import described
from services.secrets import MountedSecret
from services.service_args import Mount, ServiceArgs

TOKEN_FILE, LOOK_TOKEN_FILE = "status_token", "status_look_token"


def status(
    image: pulumi.Input[str],
    settings: Settings,
    swarm: Swarm,
    policies: pulumi.Output[str],
    secrets: Sequence[MountedSecret],
) -> ServiceArgs:
    """The history is in a named volume. If that is lost, a new history begins with the next announcement."""
    return ServiceArgs(
        image=image,
        args=["status"],
        role="manager",
        hostname=names.STATUS_SERVICE,
        environment={
            **containers.environment(),
            names.OODT_LEDGER: names.LEDGER_DIR,
            names.EVENTS: described(settings.workflows),
            names.STATUS_DATA: names.STATUS_DIR,
            names.PROXIED_FILEMGR_URL: names.DEFAULT_FILEMGR_URL,
        },
        mounts=[
            *containers.mounts(swarm, policies),
            Mount(source=f"{swarm.share}/ledger", target=names.LEDGER_DIR),
            Mount(source=names.STATUS_VOLUME, target=names.STATUS_DIR, volume=True),
        ],
        secrets=secrets,
        ports=[names.STATUS_PORT],
        health=["oodt-health", "status"],
        memory_limit=512,
    )
