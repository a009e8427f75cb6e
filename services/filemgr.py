"""OODT's File Manager: the catalogue of products, whose files are in the archive on the share."""

from __future__ import annotations

import pulumi

from infra.swarm import Swarm
from runtime import names
from services import containers
from services.service_args import Mount, ServiceArgs


def filemgr(image: pulumi.Input[str], swarm: Swarm, workflow_copy: pulumi.Output[str]) -> ServiceArgs:
    return ServiceArgs(
        image=image,
        args=["filemgr"],
        role="manager",
        hostname=names.FILEMGR_SERVICE,
        environment=containers.environment(),
        mounts=[
            *containers.mounts(swarm, workflow_copy),
            Mount(source=names.FILEMGR_VOLUME, target=containers.CATALOG_DATA, volume=True),
        ],
        ports=[names.FILEMGR_PORT],
        health=["oodt-health", "filemgr"],
        memory_limit=1536,
    )
