"""The docker services of the cluster, on whichever swarm."""

from services.deployment import deploy

__all__ = ["deploy"]
