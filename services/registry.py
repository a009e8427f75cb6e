"""The cluster's own image registry, beside the manager's docker that pushes to it."""

from __future__ import annotations

import pulumi

from runtime import names
from services.service_args import Mount, ServiceArgs


def registry(image: pulumi.Input[str]) -> ServiceArgs:
    """Its data outlive an update; it asks for no login, and only the cluster reaches its port."""
    return ServiceArgs(
        image=image,
        role="manager",
        mounts=[Mount(source=names.REGISTRY_VOLUME, target="/var/lib/registry", volume=True)],
        ports=[names.REGISTRY_PORT],
        health=["registry-health"],
        memory_limit=512,
    )
