"""Gates that `pulumi up` waits at until the swarm is there: the manager answers, a worker has joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from infra import ssh
from infra.ssh import Identity
from infra.waiting import until

ANSWER_TIMEOUT = 300  # seconds for a node to start, initialise or join
DRAIN_TIMEOUT = 900  # seconds for the tasks of a leaving worker to end


class _ManagerProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["address"], _manager_outputs(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        file = Identity(folder=news["folder"]).known_hosts_file
        known = file.exists() and file.read_text() == olds["known_hosts"]
        same = all(olds.get(key) == value for key, value in news.items() if value is not None)
        moved = olds["address"] != news["address"]
        return DiffResult(changes=moved or not (known and same), replaces=["address"] if moved else [])

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_manager_outputs(news))


def _manager_outputs(props: dict[str, Any]) -> dict[str, Any]:
    """Wait for the manager, note its host key, then wait for its swarm."""
    identity = Identity(folder=props["folder"])
    address, docker_host = props["address"], f"ssh://root@{props['address']}:22"
    keys = until(f"sshd on {address}", lambda: ssh.host_keys(address) or None, timeout=ANSWER_TIMEOUT)
    known_hosts = keys + "\n"
    Path(identity.known_hosts_file).write_text(known_hosts)

    def controls() -> bool | None:
        seen = ssh.docker(identity, docker_host, "info --format '{{.Swarm.ControlAvailable}}'")
        return True if seen.strip() == "true" else None

    until(f"the swarm of {address}", controls, timeout=ANSWER_TIMEOUT)
    return {**props, "docker_host": docker_host, "known_hosts": known_hosts}


class ManagerReady(Resource, module="swarm", name="ManagerReady"):
    """Done when the manager's docker answers over ssh and controls a swarm.

    ``generation`` names the manager's incarnation: another one is waited for again.
    """

    docker_host: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        address: str,
        identity: Identity,
        generation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "address": address,
            "folder": identity.folder,
            "generation": generation,
            "docker_host": None,
            "known_hosts": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _MemberProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(_joined(props), props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=any(olds.get(key) != value for key, value in news.items()))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _joined(news)
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Drain the worker, wait for its tasks to end, then forget it: what it runs finishes or moves."""
        for node, _status in _nodes(props):
            _docker(props, f"node update --availability drain {node}")
            _drained(props, node)
            _docker(props, f"node rm --force {node}")


def _docker(props: dict[str, Any], command: str) -> str:
    return ssh.docker(Identity(folder=props["folder"]), props["docker_host"], command)


def _nodes(props: dict[str, Any]) -> list[tuple[str, str]]:
    """(node id, status) of the nodes with this host name: several where one was made anew."""
    lines = _docker(props, "node ls --format '{{.ID}} {{.Hostname}} {{.Status}}'").splitlines()
    rows = [line.split() for line in lines]
    return [(node, status) for node, hostname, status in rows if hostname == props["hostname"]]


def _joined(props: dict[str, Any]) -> str:
    """Wait until the worker is ready, forget earlier incarnations of it, and return its node id."""

    def look() -> list[tuple[str, str]] | None:
        nodes = _nodes(props)
        return nodes if any(status == "Ready" for _, status in nodes) else None

    nodes = until(f"{props['hostname']} to join the swarm", look, timeout=ANSWER_TIMEOUT)
    for node, status in nodes:
        if status == "Down":
            _docker(props, f"node rm --force {node}")
    return next(node for node, status in nodes if status == "Ready")


def _drained(props: dict[str, Any], node: str) -> None:
    what = f"the tasks of {props['hostname']} to end"
    until(what, lambda: _idle(props, node), timeout=DRAIN_TIMEOUT)


def _idle(props: dict[str, Any], node: str) -> bool | None:
    if (node, "Down") in _nodes(props):
        return True  # nothing that ran there will ever report its end
    tasks = _docker(props, f"node ps {node} --format '{{{{.CurrentState}}}}'").splitlines()
    return None if any(task.startswith(("Running", "Starting", "Preparing")) for task in tasks) else True


class WorkerReady(Resource, module="swarm", name="WorkerReady"):
    """Done when the worker with this host name is a ready node; deleting it drains the worker first."""

    def __init__(
        self,
        name: str,
        *,
        hostname: str,
        identity: Identity,
        docker_host: pulumi.Input[str],
        generation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "hostname": hostname,
            "folder": identity.folder,
            "docker_host": docker_host,
            "generation": generation,
        }
        super().__init__(_MemberProvider(), name, props, opts)
