"""The chosen instance type: what its images are built for, and whether its memory holds what runs on it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_aws as aws

from infra.settings import Settings
from infra.values import ConfigurationError

# MiB that one node's share of the cluster takes.
SYSTEM = 1024
SERVICES = 4096  # of the manager: broker, File Manager, registry, status page
WORKFLOW_MANAGER = 1024
WORKFLOW = 256  # OODT's part of a running workflow and a small program


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """``architecture`` is EC2's word, ``platform`` docker's."""

    name: str
    architecture: str
    platform: str


def look_up(settings: Settings, name: str) -> InstanceType:
    """Ask AWS for the type. Raises ConfigurationError where it does not exist or is too small."""
    example = "pulumi config set instance_type t2.xlarge"
    try:
        found = aws.ec2.get_instance_type(instance_type=name)
    except Exception as problem:
        reason = str(problem).strip().splitlines()[-1].strip()
        raise ConfigurationError(
            "instance_type", name, f"it cannot be used in this region ({reason}).", example
        ) from None
    needed = memory_needed(settings)
    if found.memory_size and found.memory_size < needed:
        raise ConfigurationError(
            "instance_type",
            name,
            f"it has {found.memory_size} MiB of memory; a node with these max_workflows and wm_replicas "
            f"needs {needed} MiB.",
            f"{example}, or a lower max_workflows",
        )
    arm = "arm64" in (found.supported_architectures or [])
    return InstanceType(
        name=name,
        architecture="arm64" if arm else "x86_64",
        platform="linux/arm64" if arm else "linux/amd64",
    )


def memory_needed(settings: Settings) -> int:
    """MiB of the node that needs most: the manager, or a worker with its share of the Workflow Managers."""
    containers = -(-settings.wm_replicas // settings.worker_nodes)
    workflows = sum(workflow.max_workflows for workflow in settings.workflows)
    worker = SYSTEM + containers * (WORKFLOW_MANAGER + workflows * WORKFLOW)
    return max(SYSTEM + SERVICES, worker)
