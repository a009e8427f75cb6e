"""Prometheus, if it is asked for: reads the metrics of the cluster's services, and says which alarms hold."""

from __future__ import annotations

import pulumi

from runtime import names
from services.service_args import Mount, ServiceArgs


def prometheus(image: pulumi.Input[str]) -> ServiceArgs:
    """What it has read is in a named volume. It asks for no login, and tells numbers only."""
    return ServiceArgs(
        image=image,
        role="manager",
        mounts=[Mount(source=names.PROMETHEUS_VOLUME, target="/var/lib/prometheus", volume=True)],
        ports=[names.PROMETHEUS_PORT],
        health=["prometheus-health"],
        memory_limit=1024,
    )
