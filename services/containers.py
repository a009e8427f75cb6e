"""What every OODT container has in common: the paths of the original, and what is mounted there."""

from __future__ import annotations

import pulumi

from infra.swarm import Swarm
from runtime import names
from services.service_args import Mount

HOME = names.HOME_DIR
ARCHIVE = names.ARCHIVE_DIR
JOBS = names.JOBS_DIR
CATALOG_DATA = f"{HOME}/data"


def environment() -> dict[str, str]:
    """Where scripts and policies written for the original look for things."""
    return {
        names.OODT_HOME: HOME,
        names.OODT_CONFIG: names.CONFIG_DIR,
        names.OODT_ARCHIVE: ARCHIVE,
        names.OODT_JOBS: JOBS,
    }


def programs(workflow_copy: pulumi.Output[str]) -> Mount:
    """The workflows' programs, from a copy of the workflows."""
    return Mount(source=pulumi.Output.concat(workflow_copy, "/pges"), target=f"{HOME}/pges", read_only=True)


def mounts(swarm: Swarm, workflow_copy: pulumi.Output[str]) -> list[Mount]:
    """The share's folders, and OODT's configuration from a copy of the workflows."""
    return [
        Mount(
            source=pulumi.Output.concat(workflow_copy, "/workflows"),
            target=names.CONFIG_DIR,
            read_only=True,
        ),
        Mount(source=f"{swarm.share}/archive", target=ARCHIVE),
        Mount(source=f"{swarm.share}/jobs", target=JOBS),
    ]
