"""The cluster's own image registry, beside the manager's docker that pushes to it."""

from __future__ import annotations

import pulumi

from runtime import names
from services.service import Mount, Service


def registry(image: pulumi.Input[str]) -> Service:
    """Its data outlive an update; it asks for no login, and only the cluster reaches its port."""
    return Service(
        name=names.REGISTRY_SERVICE,
        image=image,
        role="manager",
        mounts=[Mount(source=names.REGISTRY_VOLUME, target="/var/lib/registry", volume=True)],
        ports=[names.REGISTRY_PORT],
        health=["registry-health"],
        memory_limit=512,
    )
