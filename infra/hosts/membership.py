"""Hosts as nodes: the manager with its swarm, and the workers in it."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi.dynamic import DiffResult, ReadResult, Resource

from infra.dynamic import Props, Provider
from infra.hosts import actions, storage
from infra.hosts.actions import Host
from infra.hosts.settings import HostsSettings
from infra.hosts.teardown import Stack, tear_down
from infra.ssh import Identity


class SwarmLostError(RuntimeError):
    """The stack's swarm is not where it was; the message says what to do."""


class _HostProvider(Provider):
    def host(self, props: Props, url: str | None = None) -> Host:
        return Host(url=url or props["host"], identity=self.identity(props), share=props["share"])


class _ManagerProvider(_HostProvider):
    updated_by = ("host", "share", "job_folders", "workers", "keep_data")

    def act(self, props: Props) -> tuple[str, Props]:
        """Have the host manage a swarm; the resource's id is the swarm's."""
        manager = self.host(props)
        storage.make(manager, props["address"], props["job_folders"])
        actions.join(manager, "manager", props["address"], props["pool"])
        return manager.cluster(), {**props, "docker_host": props["host"], "node": manager.node()}

    def diff(self, swarm: str, olds: Props, news: Props) -> DiffResult:
        if olds["address"] != news["address"]:
            raise SwarmLostError(
                f"the manager's address was {olds['address']} and is {news['address']} now, but a swarm "
                "cannot move: pulumi destroy, with the manager as it was, then pulumi up"
            )
        if news["found"] != swarm:
            raise SwarmLostError(
                f"{news['host']} is not in the stack's swarm {swarm} any more: pulumi refresh, then pulumi up"
            )
        return super().diff(swarm, olds, news)

    def read(self, swarm: str, props: Props) -> ReadResult:
        there = self.host(props).cluster() == swarm
        return ReadResult(swarm, props) if there else ReadResult("", {})

    def delete(self, swarm: str, props: Props) -> None:
        tear_down(
            Stack(
                manager=self.host(props),
                address=props["address"],
                swarm=swarm,
                node=props["node"],
                workers=tuple(self.host(props, url) for url in props["workers"]),
                job_folders=tuple(props["job_folders"]),
                keep_data=props["keep_data"],
            )
        )


class HostManager(Resource, module="hosts", name="Manager"):
    """A swarm that this host manages; its id is the swarm's. Deleting it has everybody leave.

    ``found`` is the id of the swarm that the host was found in, or empty; a new swarm takes its networks from
    ``pool``, and one that exists keeps what it has. ``workers`` are known here so that
    destroying the stack ends the services first, which no worker would know of. ``docker_host``, and which
    ``node`` it is there, are known once the swarm is there.
    """

    docker_host: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        chosen: HostsSettings,
        *,
        identity: Identity,
        address: str,
        found: str,
        pool: str,
        workers: Sequence[str],
        job_folders: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "host": chosen.manager,
            "folder": identity.folder,
            "address": address,
            "found": found,
            "pool": pool,
            "share": chosen.shared_path,
            "workers": list(workers),
            "job_folders": list(job_folders),
            "keep_data": chosen.keep_data,
            "docker_host": None,
            "node": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _WorkerProvider(_HostProvider):
    updated_by = ("host", "address", "share", "swarm")

    def act(self, props: Props) -> tuple[str, Props]:
        """Have the host join the swarm, unless it was found to be a node of it already."""
        worker = self.host(props)
        if not props["found"]:
            actions.join(worker, "worker", props["address"])
        return props["address"], {**props, "node": worker.node()}

    def is_lost(self, olds: Props, news: Props) -> bool:
        return bool(news["found"] != olds["node"])

    def delete(self, _id: str, props: Props) -> None:
        actions.leave(self.host(props), [props["node"]])


class HostWorker(Resource, module="hosts", name="Worker"):
    """A host that has joined the manager's swarm as ``node``; deleting it makes it leave, drained or not.

    ``found`` is the id of the node that the host was found to be, or empty.
    """

    node: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        host: str,
        address: str,
        found: str,
        share: str,
        identity: Identity,
        manager: HostManager,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "host": host,
            "folder": identity.folder,
            "address": address,
            "found": found,
            "share": share,
            "swarm": manager.id,
            "node": None,
        }
        super().__init__(_WorkerProvider(), name, props, opts)
