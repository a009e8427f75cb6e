"""A docker service as declared, with each default that docker fills in: else an update would see changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from infra import patience
from infra.swarm import Role
from services.secrets import MountedSecret

HEALTH_TIMEOUT = 10  # seconds


def duration(seconds: int) -> str:
    """Seconds as docker's API reads them back: without zeros at the end, as 1h0m30s, 1m30s, 1m, 1h."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    written = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    if rest or not written:
        return f"{written}{rest}s"
    return f"{hours}h" if hours and not minutes else written


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A folder of the node, or a named volume of it, seen in the container at ``target``."""

    source: pulumi.Input[str]
    target: str
    volume: bool = False
    read_only: bool = False

    def args(self) -> docker.ServiceTaskSpecContainerSpecMountArgs:
        return docker.ServiceTaskSpecContainerSpecMountArgs(
            type="volume" if self.volume else "bind",
            source=self.source,
            target=self.target,
            read_only=self.read_only,
        )


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What differs between services. Times are in seconds, memory in MiB; a limit of 0 is none.

    ``role`` is the role of the nodes that it may run on; ``health`` is the command that checks a container's
    health; ``command`` replaces the image's entrypoint. ``start_period`` and ``stop_grace`` are those of a
    usual machine; a container that is to stop may work on for ``at_work`` first. ``start_first`` is for
    services that may have more tasks than replicas for a while: an update starts that many new tasks at a
    time before it stops old ones, and does not wait until the old ones have finished their work. A service
    that ``takes_jobs`` is up once only new tasks take jobs.
    """

    image: pulumi.Input[str]
    role: Role
    health: Sequence[str]
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    replicas: int = 1
    hostname: str = ""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    secrets: Sequence[MountedSecret] = ()
    ports: Sequence[int] = ()
    start_period: int = 60
    stop_grace: int = 30
    at_work: int = 0
    memory_limit: int = 0
    cpus_limit: float = 0
    start_first: int = 0
    takes_jobs: bool = False

    def task_spec(self, network: docker.Network, platform: str) -> docker.ServiceTaskSpecArgs:
        """What makes docker start new tasks when it changes."""
        return docker.ServiceTaskSpecArgs(
            container_spec=self._container(),
            networks_advanceds=[docker.ServiceTaskSpecNetworksAdvancedArgs(id=network.id)],
            placement=self._placement(platform),
            resources=self._resources(),
            restart_policy=docker.ServiceTaskSpecRestartPolicyArgs(
                condition="any", delay="3s", max_attempts=0, window="0s"
            ),
            force_update=0,
            runtime="container",
        )

    def mode(self) -> docker.ServiceModeArgs:
        return docker.ServiceModeArgs(replicated=docker.ServiceModeReplicatedArgs(replicas=self.replicas))

    def endpoint_spec(self) -> docker.ServiceEndpointSpecArgs:
        published = [
            docker.ServiceEndpointSpecPortArgs(
                target_port=port, published_port=port, publish_mode="host", protocol="tcp"
            )
            for port in self.ports
        ]
        return docker.ServiceEndpointSpecArgs(mode="dnsrr", ports=published)

    def update_config(self) -> docker.ServiceUpdateConfigArgs:
        return docker.ServiceUpdateConfigArgs(
            parallelism=self.start_first or 1,
            delay="0s",
            failure_action="pause",
            monitor="5s",
            max_failure_ratio="0.0",
            order="start-first" if self.start_first else "stop-first",
        )

    def _placement(self, platform: str) -> docker.ServiceTaskSpecPlacementArgs:
        system, _, architecture = platform.partition("/")
        # Docker's client fills this in when it creates a service. Without it an update would see a change.
        platforms = [docker.ServiceTaskSpecPlacementPlatformArgs(os=system, architecture=architecture)]
        return docker.ServiceTaskSpecPlacementArgs(
            constraints=[f"node.role == {self.role}"], platforms=platforms
        )

    def _resources(self) -> docker.ServiceTaskSpecResourcesArgs | None:
        if not self.memory_limit and not self.cpus_limit:
            return None
        limits = docker.ServiceTaskSpecResourcesLimitsArgs(
            memory_bytes=self.memory_limit * 1024 * 1024 if self.memory_limit else None,
            nano_cpus=round(self.cpus_limit * 1e9) if self.cpus_limit else None,
        )
        return docker.ServiceTaskSpecResourcesArgs(limits=limits)

    def _container(self) -> docker.ServiceTaskSpecContainerSpecArgs:
        return docker.ServiceTaskSpecContainerSpecArgs(
            image=self.image,
            commands=list(self.command) or None,
            args=list(self.args),
            hostname=self.hostname,
            env=dict(self.environment),
            mounts=[mount.args() for mount in self.mounts],
            secrets=[secret.mount() for secret in self.secrets],
            healthcheck=docker.ServiceTaskSpecContainerSpecHealthcheckArgs(
                tests=["CMD", *self.health],
                interval="3s",
                timeout=duration(_stretched(HEALTH_TIMEOUT)),
                retries=10,
                start_period=duration(_stretched(self.start_period)),
            ),
            init=True,
            isolation="default",
            stop_grace_period=duration(self.at_work + _stretched(self.stop_grace)),
        )


def _stretched(seconds: int) -> int:
    return round(patience.stretched(seconds))
