"""The docker services of the cluster, on whichever swarm."""

from services.deployment import Services

__all__ = ["Services"]
