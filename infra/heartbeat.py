"""How often the nodes of the swarm tell that they live.

The swarm takes a node for dead that has been silent for three heartbeats (swarmkit's dispatcher,
GracePeriodMultiplier), and runs what it had elsewhere. On a slow machine that makes everything slower still,
until all nodes come and go.
"""

from __future__ import annotations

import pulumi
from pulumi.dynamic import ReadResult, Resource

from infra import patience, ssh
from infra.dynamic import Props, Provider
from infra.swarm import Swarm

USUAL = 5  # seconds, as docker has it
SECOND = 1_000_000_000  # of the nanoseconds in which docker tells it
LOOK = "info --format '{{json .Swarm.Cluster.Spec.Dispatcher.HeartbeatPeriod}}'"


class HeartbeatProvider(Provider):
    """Sets it on the manager."""

    updated_by = ("period", "generation")

    def act(self, props: Props) -> tuple[str, Props]:
        """Raises ssh.RemoteError."""
        self.docker(props, f"swarm update --dispatcher-heartbeat {props['period']:g}s")
        return "heartbeat", props

    def read(self, name: str, props: Props) -> ReadResult:
        try:
            period = int(self.docker(props, LOOK)) / SECOND
        except ssh.RemoteError:
            # A manager that is away tells nothing: what is known of it stays.
            return ReadResult(name, props)
        return ReadResult(name, {**props, "period": period})


class Heartbeat(Resource, module="swarm", name="Heartbeat"):
    """Done when the swarm has the heartbeat that the stack's patience makes of the usual one."""

    def __init__(self, name: str, swarm: Swarm, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {
            "docker_host": swarm.docker_host,
            "folder": swarm.identity.folder,
            "period": patience.stretched(USUAL),  # seconds
            "generation": swarm.manager.id,
        }
        super().__init__(HeartbeatProvider(), name, props, opts)
