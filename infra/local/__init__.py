"""Target local: every node of the swarm is a container on the user's own docker."""

from infra.local.nodes import create

__all__ = ["create"]
