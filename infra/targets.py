"""The target that the settings name, as a swarm."""

from __future__ import annotations

from infra.settings import Settings
from infra.ssh import Identity
from infra.swarm import Swarm


def create(settings: Settings, identity: Identity) -> Swarm:
    """Declare what hosts the swarm. Only the chosen target is imported: SDKs take seconds to load.

    Raises pulumi.RunError when it cannot host the nodes.
    """
    if settings.target == "aws":
        from infra.aws import cluster  # noqa: PLC0415

        return cluster.create(settings, identity)
    if settings.target == "hosts":
        from infra.hosts import cluster as hosts  # noqa: PLC0415

        return hosts.create(settings)
    from infra import local  # noqa: PLC0415

    return local.create(settings, identity)
