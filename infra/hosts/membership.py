"""Hosts as nodes: the manager with its swarm, and the workers in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

from infra.hosts import actions, belongings
from infra.hosts.actions import Host
from infra.hosts.dissolution import Stack, dissolve
from infra.hosts.settings import HostsSettings
from infra.ssh import Identity


class SwarmLostError(RuntimeError):
    """The stack's swarm is not where it was; the message says what to do."""


def _host(props: Mapping[str, Any], url: str | None = None) -> Host:
    return Host(url=url or props["host"], identity=Identity(folder=props["folder"]), share=props["share"])


class _ManagerProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        outputs = _manage(props)
        return CreateResult(_host(props).cluster(), outputs)

    def diff(self, swarm: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if olds["address"] != news["address"]:
            raise SwarmLostError(
                f"the manager's address was {olds['address']} and is {news['address']} now, but a swarm "
                "cannot move: pulumi destroy, with the manager as it was, then pulumi up"
            )
        if news["found"] != swarm:
            raise SwarmLostError(
                f"{news['host']} is not in the stack's swarm {swarm} any more: pulumi refresh, then pulumi up"
            )
        settable = ("host", "share", "job_folders", "workers", "keep_data")
        return DiffResult(changes=any(olds[key] != news[key] for key in settable))

    def update(self, _swarm: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_manage(news))

    def read(self, swarm: str, props: dict[str, Any]) -> ReadResult:
        there = _host(props).cluster() == swarm
        return ReadResult(swarm, props) if there else ReadResult("", {})

    def delete(self, swarm: str, props: dict[str, Any]) -> None:
        dissolve(
            Stack(
                manager=_host(props),
                address=props["address"],
                swarm=swarm,
                node=props["node"],
                workers=tuple(_host(props, url) for url in props["workers"]),
                job_folders=tuple(props["job_folders"]),
                keep_data=props["keep_data"],
            )
        )


def _manage(props: Mapping[str, Any]) -> dict[str, Any]:
    """Have the host manage a swarm, and return what is known of it then."""
    manager = _host(props)
    belongings.make(manager, props["address"], props["job_folders"])
    actions.join(manager, "manager", props["address"])
    return {**props, "docker_host": props["host"], "node": manager.node()}


class HostManager(Resource, module="hosts", name="Manager"):
    """A swarm that this host manages; its id is the swarm's. Deleting it has everybody leave.

    ``found`` is the id of the swarm that the host was found in, or empty. ``workers`` are known here so that
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
        workers: Sequence[str],
        job_folders: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "host": chosen.manager,
            "folder": identity.folder,
            "address": address,
            "found": found,
            "share": chosen.shared_path,
            "workers": list(workers),
            "job_folders": list(job_folders),
            "keep_data": chosen.keep_data,
            "docker_host": None,
            "node": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _WorkerProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["address"], {**props, "node": _work(props)})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        same = all(olds[key] == news[key] for key in ("host", "address", "share", "swarm"))
        return DiffResult(changes=not same or news["found"] != olds["node"])

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**news, "node": _work(news)})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        actions.leave(_host(props), [props["node"]])


def _work(props: Mapping[str, Any]) -> str:
    """Have the host join the swarm, and return its id as a node.

    One that was found to be a node of it, as the check has made sure, is taken as it is.
    """
    worker = _host(props)
    if not props["found"]:
        actions.join(worker, "worker", props["address"])
    return worker.node()


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
