"""The node containers, their network and their volumes."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Network

import pulumi
import pulumi_docker as docker

from infra.addresses import Addresses, choose
from infra.base_image import BaseImage
from infra.local import engine as local_engine
from infra.local import ports, strays
from infra.local.engine import MANAGER, POOL_LABEL, Engine, EngineError, inspect
from infra.local.strays import Leftovers, Strays
from infra.readiness import ManagerReady, WorkerReady
from infra.settings import ConfigurationError, Settings
from infra.ssh import Identity
from infra.ssh_key import LETS_IN, SshKey
from infra.swarm import Swarm
from infra.unrecorded import Found, removed

SHARE = "/shared-data"
MANAGER_HOST_NUMBER = 10  # within the subnet; worker N is N further on


def create(settings: Settings, identity: Identity) -> Swarm:
    """Declare a manager and ``worker_nodes`` workers.

    Raises pulumi.RunError when the user's docker cannot host them.
    """
    try:
        engine = inspect()
    except EngineError as problem:
        raise pulumi.RunError(f"target local: {problem}") from None
    if other := engine.network_in(settings.subnet, settings.prefix):
        taken = f"docker's network {other} has addresses of it; choose one that this machine does not use."
        fix = "pulumi config set subnet 10.214.0.0/24"
        raise pulumi.RunError(str(ConfigurationError("subnet", str(settings.subnet), taken, fix)))
    try:
        addresses = _addresses(settings, engine)
    except ConfigurationError as problem:
        raise pulumi.RunError(str(problem)) from None
    return LocalNodes(settings, engine, identity, addresses).swarm


def _addresses(settings: Settings, engine: Engine) -> Addresses | None:
    """Those that the cluster has, which no route that has come since changes, or new ones."""
    if settings.prefix in engine.pools:
        pool = engine.pools[settings.prefix]
        return Addresses(pool=IPv4Network(pool)) if pool else None
    taken = {network: "to which this machine has a route" for network in engine.routes}
    taken |= {network: f"docker's network {name}" for network, name in engine.subnets.items()}
    return choose(settings.overlay_pool, {**taken, settings.subnet: "the subnet of the nodes"})


def _ports(engine: Engine, manager: str) -> Mapping[int, int]:
    """Of this machine by the services'. None for a docker elsewhere, or where the manager stands without any.

    Another port would make another manager.
    """
    if not engine.is_here:
        return {}
    return engine.ports[manager] if manager in engine.ports else ports.choose()


async def _docker(command: str) -> str:
    return await asyncio.to_thread(local_engine.docker, *shlex.split(command))


class LocalNodes(pulumi.ComponentResource):
    """A swarm of Docker-in-Docker containers with fixed addresses in a network of their own."""

    swarm: Swarm

    def __init__(
        self, settings: Settings, engine: Engine, identity: Identity, addresses: Addresses | None
    ) -> None:
        unrecorded = removed("docker here", _docker, self._unrecorded)
        super().__init__(
            "oodt:local:Nodes", "nodes", opts=pulumi.ResourceOptions(transformations=[unrecorded])
        )
        self._addresses = addresses
        self._settings = settings
        self._engine = engine
        self._child = pulumi.ResourceOptions(parent=self)
        self._manager_address = str(settings.subnet[MANAGER_HOST_NUMBER])
        self._manager_name = settings.prefix + MANAGER
        self._ports = _ports(engine, self._manager_name)

        self._key = SshKey("key", identity, self._child)
        self._image = self._create_image()
        leftovers = Leftovers("leftovers", prefix=settings.prefix, opts=self._child)
        self._lasting = pulumi.ResourceOptions(parent=self, depends_on=[leftovers])
        self._network = self._create_network(gateway=str(settings.subnet[1]))
        self._share = self._create_volume("share")
        worker_names = [f"worker{number}" for number in range(1, settings.worker_nodes + 1)]
        self._volumes = {name: self._create_volume(name) for name in ("manager", *worker_names)}
        self._strays = Strays(
            "strays",
            network=self._network.name,
            public_key=self._key.public_key,
            after=[self._share, *self._volumes.values()],
            opts=self._child,
        )
        manager = self._create_node("manager", "manager", self._manager_address)
        ready = ManagerReady(
            "manager-ready",
            address=self._manager_address,
            container=self._manager_name,
            identity=identity,
            generation=manager.id,
            opts=self._child,
        )
        workers = [
            self._create_node(name, "worker", str(settings.subnet[MANAGER_HOST_NUMBER + number]))
            for number, name in enumerate(worker_names, start=1)
        ]
        members = [
            WorkerReady(
                f"{name}-ready",
                hostname=name,
                identity=identity,
                docker_host=ready.docker_host,
                generation=worker.id,
                opts=pulumi.ResourceOptions(parent=self, deleted_with=manager),
            )
            for name, worker in zip(worker_names, workers, strict=True)
        ]
        self.swarm = Swarm(
            docker_host=ready.docker_host,
            identity=identity,
            manager_address=self._manager_address,
            tunnelled=not engine.is_here,
            operator_address=ports.ADDRESS if self._ports else "",
            operator_ports=self._ports,
            share=SHARE,
            platform=engine.platform,
            workers=settings.worker_nodes,
            manager=manager,
            members=tuple(members),
            worker_containers=tuple(worker.id for worker in workers),
            addresses=addresses,
        )
        self.register_outputs({})

    async def _unrecorded(self) -> Found:
        key = str(await self._key.public_key.future())
        return await asyncio.to_thread(strays.unrecorded, self._settings.prefix, key)

    def _create_image(self) -> docker.Image:
        base = BaseImage("base", opts=self._child)
        return docker.Image(
            "node-image",
            image_name=f"{self._settings.prefix}-node:latest",
            skip_push=True,
            build=docker.DockerBuildArgs(
                context=".",
                dockerfile="images/node/Dockerfile",
                args={"BASE": base.image},
                platform=self._engine.platform,
            ),
            opts=self._child,
        )

    def _create_network(self, gateway: str) -> docker.Network:
        return docker.Network(
            "network",
            name=self._settings.prefix,
            ipam_configs=[docker.NetworkIpamConfigArgs(subnet=str(self._settings.subnet), gateway=gateway)],
            labels=[docker.NetworkLabelArgs(label=POOL_LABEL, value=str(self._addresses.pool))]
            if self._addresses
            else None,
            opts=self._lasting,
        )

    def _published(self) -> list[docker.ContainerPortArgs]:
        return [
            docker.ContainerPortArgs(internal=port, external=here, ip=ports.ADDRESS, protocol="tcp")
            for port, here in sorted(self._ports.items())
        ]

    def _create_volume(self, name: str) -> docker.Volume:
        """It is the user's if there is one of this name: docker takes it, whatever disk it is on."""
        theirs = pulumi.ResourceOptions(ignore_changes=["driver", "driverOpts", "labels"])
        opts = pulumi.ResourceOptions.merge(self._lasting, theirs)
        return docker.Volume(f"{name}-volume", name=f"{self._settings.prefix}-{name}", opts=opts)

    def _create_node(self, name: str, role: str, address: str) -> docker.Container:
        environment = {
            "NODE_ROLE": role,
            "NODE_ADDRESS": address,
            "MANAGER_ADDRESS": self._manager_address,
            "SHARE": SHARE,
        }
        if self._addresses:
            environment["SWARM_POOL"] = str(self._addresses.swarm)
            environment["BRIDGE_POOL"] = str(self._addresses.bridges)
        volumes = [
            docker.ContainerVolumeArgs(container_path=SHARE, volume_name=self._share.name),
            docker.ContainerVolumeArgs(
                container_path="/var/lib/docker", volume_name=self._volumes[name].name
            ),
        ]
        if self._engine.cgroup_version == 1:
            volumes.append(
                docker.ContainerVolumeArgs(container_path="/sys/fs/cgroup", host_path="/sys/fs/cgroup")
            )
        return docker.Container(
            name,
            name=f"{self._settings.prefix}-{name}",
            hostname=name,
            image=self._image.repo_digest,
            envs=[
                *(f"{key}={value}" for key, value in environment.items()),
                pulumi.Output.concat(f"{LETS_IN}=", self._key.public_key),
            ],
            capabilities=docker.ContainerCapabilitiesArgs(
                adds=["ALL"], drops=list(self._engine.missing_capabilities)
            ),
            security_opts=["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"],
            # cgroup v2 needs a private namespace. What was tried is in docs/targets/local.md.
            cgroupns_mode="host" if self._engine.cgroup_version == 1 else "private",
            tmpfs={"/run": ""},
            volumes=volumes,
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=self._network.name, ipv4_address=address)
            ],
            ports=self._published() if role == "manager" and self._ports else None,
            restart="unless-stopped",
            # Docker stops the containers inside when it is told to stop.
            destroy_grace_seconds=30,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=self._strays,
                delete_before_replace=True,
                # Docker does not report systempaths: after a refresh every node would look changed.
                ignore_changes=["securityOpts"],
            ),
        )
