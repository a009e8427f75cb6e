"""The chosen instance type: what images are built for, where it is offered, whether its memory suffices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi_aws as aws

from infra.aws.network import reason
from infra.settings import Settings
from infra.values import ConfigurationError

# MiB that one node's share of the cluster takes.
SYSTEM = 1024
SERVICES = 4096  # of the manager: broker, File Manager, registry, status page
WORKFLOW_MANAGER = 1024
WORKFLOW = 256  # OODT's part of a running workflow and a small program

# What to type instead of a type that is too small: MiB by size, the same in both families.
FAMILIES = {"x86_64": "m6i", "arm64": "m7g"}
SIZES = {"xlarge": 16384, "2xlarge": 32768, "4xlarge": 65536, "8xlarge": 131072, "16xlarge": 262144}


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """``architecture`` is EC2's word, ``platform`` docker's; ``zones`` is empty if they are not known."""

    name: str
    architecture: str
    platform: str
    zones: frozenset[str]


def look_up(settings: Settings, name: str) -> InstanceType:
    """Ask AWS for the type. Raises ConfigurationError where it does not exist or is too small."""
    try:
        found = aws.ec2.get_instance_type(instance_type=name)
        offers = aws.ec2.get_instance_type_offerings(
            filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[name])],
            location_type="availability-zone",
        )
    except Exception as problem:
        raise unusable(name, reason(problem)) from None
    kind = of(name, found.supported_architectures, offers.locations or [])
    check_memory(settings, kind, found.memory_size)
    return kind


def of(name: str, architectures: Sequence[str] | None, zones: Iterable[str]) -> InstanceType:
    architecture = architecture_of(architectures)
    return InstanceType(
        name=name,
        architecture=architecture,
        platform="linux/arm64" if architecture == "arm64" else "linux/amd64",
        zones=frozenset(zones),
    )


def unusable(name: str, why: str) -> ConfigurationError:
    fix = "pulumi config set instance_type m6i.xlarge"
    return ConfigurationError("instance_type", name, f"it cannot be used in this region ({why}).", fix)


def check_memory(settings: Settings, kind: InstanceType, memory: int | None) -> None:
    """Raises ConfigurationError where so many MiB are too few."""
    needed = memory_needed(settings)
    if memory and memory < needed:
        raise ConfigurationError(
            "instance_type",
            kind.name,
            f"it has {memory} MiB of memory; a node with these max_workflows and wm_replicas "
            f"needs {needed} MiB.",
            _enough(settings, kind.architecture, needed),
        )


def architecture_of(supported: Sequence[str] | None) -> str:
    return "arm64" if "arm64" in (supported or []) else "x86_64"


def memory_needed(settings: Settings) -> int:
    """MiB of the node that needs most: the manager, or a worker with its share of the Workflow Managers."""
    containers = -(-settings.wm_replicas // settings.worker_nodes)
    return max(SYSTEM + SERVICES, SYSTEM + containers * _workflow_manager(settings))


def _workflow_manager(settings: Settings) -> int:
    return WORKFLOW_MANAGER + WORKFLOW * sum(workflow.max_workflows for workflow in settings.workflows)


def _enough(settings: Settings, architecture: str, needed: int) -> str:
    """The line to type: the smallest type with so much memory, else as many replicas as the largest holds."""
    for size, memory in SIZES.items():
        if memory >= needed:
            return f"pulumi config set instance_type {FAMILIES[architecture]}.{size}"
    containers = (max(SIZES.values()) - SYSTEM) // _workflow_manager(settings)
    if not containers:
        return "pulumi config set max_workflows 64"
    return f"pulumi config set wm_replicas {containers * settings.worker_nodes}"
