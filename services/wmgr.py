"""OODT's Workflow Managers, each with its gateway and its message consumer in the same container."""

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


def wmgr(
    image: pulumi.Input[str],
    settings: Settings,
    swarm: Swarm,
    workflow_copy: pulumi.Output[str],
    urls: Sequence[MountedSecret],
) -> ServiceArgs:
    """``wm_replicas`` containers on the workers; jobs are in the broker, and data on the share."""
    variables = {
        **containers.environment(),
        names.OODT_LEDGER: names.LEDGER_DIR,
        names.WORKFLOW_URL: f"http://localhost:{names.GATEWAY_PORT}",
        names.PROXIED_WORKFLOW_URL: f"http://localhost:{names.WMGR_PORT}",
        names.FILEMGR_URL: f"http://localhost:{names.FILEMGR_PORT}",
        names.PROXIED_FILEMGR_URL: names.DEFAULT_FILEMGR_URL,
        names.WORKFLOW_QUEUE: ",".join(workflow.event for workflow in settings.workflows),
        names.MAX_WORKFLOWS: str(sum(workflow.max_workflows for workflow in settings.workflows)),
        names.EVENTS: described(settings.workflows),
        names.PROXY: str(settings.proxy).lower(),
        names.STOP_GRACE_SECONDS: str(settings.leave_within),
    }
    return ServiceArgs(
        image=image,
        # Pulumi's docker plugin changes the order of a service's variables at each update. To docker another
        # order is a change: it restarts every container, even if only the number of replicas is new. The
        # words of a command keep their order, so `env` sets the variables. The service itself has only one.
        command=["env", *(f"{name}={value}" for name, value in variables.items()), "oodt-entrypoint"],
        args=["wmgr"],
        environment={names.NODE_NAME: "{{.Node.Hostname}}"},
        role="worker",
        replicas=settings.wm_replicas,
        mounts=[
            *containers.mounts(swarm, workflow_copy),
            containers.programs(workflow_copy),
            Mount(source=f"{swarm.share}/ledger", target=names.LEDGER_DIR),
        ],
        secrets=urls,
        health=["oodt-health", "wmgr"],
        memory_limit=settings.wm_memory,
        cpus_limit=settings.wm_cpus,
        at_work=settings.leave_within,
        # A quarter at a time, but at least one for each worker: docker spreads tasks evenly if they start
        # together, but may put tasks on the same worker if they start one after another.
        start_first=max(swarm.workers, -(-settings.wm_replicas // 4)),
        takes_jobs=True,
    )
