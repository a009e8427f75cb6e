"""What `pulumi up` waits for before it uses the swarm: the manager answers, each worker has joined."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import Resource

from infra import ssh
from infra.dynamic import Props, Provider
from infra.ssh import Identity
from infra.waiting import until

ANSWER_TIMEOUT = 300  # seconds for a node to start, initialise or join
DRAIN_TIMEOUT = 900  # seconds for the tasks of a leaving worker to end


class _ManagerProvider(Provider):
    updated_by = ("container", "folder", "generation")
    replaced_by = ("address",)
    limit = ANSWER_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait for the manager, note its host key, then wait for its swarm."""
        container, identity = props["container"], self.identity(props)
        key = self.wait(f"the ssh host key of {container}", lambda: ssh.container_key(container))
        docker_host = f"ssh://root@{ssh.container_host(container)}:22"
        outputs = {**props, "docker_host": docker_host, "known_hosts": f"{key}\n"}
        identity.known_hosts_file.write_text(outputs["known_hosts"])
        identity.configuration_file.write_text(ssh.CONTAINERS_CONFIGURATION)

        def controls() -> bool | None:
            seen = self.docker(outputs, "info --format '{{.Swarm.ControlAvailable}}'")
            return True if seen.strip() == "true" else None

        self.wait(f"the swarm of {container}", controls)
        return props["address"], outputs

    def is_lost(self, olds: Props, news: Props) -> bool:
        # This looks at files, at each update: a machine that has not used this stack yet lacks them, and ssh
        # needs them before anything can be looked at on a host.
        identity = self.identity(news)
        return not (identity.knows(olds["known_hosts"]) and identity.reaches_containers())


class ManagerReady(Resource, module="swarm", name="ManagerReady"):
    """Done when the docker of the manager, a container of the user's docker, answers and controls a swarm.

    ``address`` is the manager's among the nodes. ``generation`` changes when the manager is replaced: then
    the new one is waited for.
    """

    docker_host: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        address: str,
        container: str,
        identity: Identity,
        generation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "address": address,
            "container": container,
            "folder": identity.folder,
            "generation": generation,
            "docker_host": None,
            "known_hosts": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _MemberProvider(Provider):
    updated_by = ("hostname", "folder", "docker_host", "generation")
    limit = ANSWER_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait until the worker is ready, and remove nodes that it was before; returns the node's id."""

        def look() -> list[tuple[str, str]] | None:
            nodes = self._nodes(props)
            return nodes if any(status == "Ready" for _, status in nodes) else None

        nodes = self.wait(f"{props['hostname']} to join the swarm", look)
        for node, status in nodes:
            if status == "Down":
                self.docker(props, f"node rm --force {node}")
        return next(node for node, status in nodes if status == "Ready"), props

    def delete(self, _id: str, props: Props) -> None:
        """Drain the worker, wait for its tasks to end, then remove the node: its jobs finish or move."""
        for node, _status in self._nodes(props):
            self.docker(props, f"node update --availability drain {node}")
            self._wait_until_idle(props, node)
            self.docker(props, f"node rm --force {node}")

    def _nodes(self, props: Props) -> list[tuple[str, str]]:
        """(node id, status) of the nodes with this host name: several if the worker was replaced."""
        lines = self.docker(props, "node ls --format '{{.ID}} {{.Hostname}} {{.Status}}'").splitlines()
        rows = [line.split() for line in lines]
        return [(node, status) for node, hostname, status in rows if hostname == props["hostname"]]

    def _wait_until_idle(self, props: Props, node: str) -> None:
        def look() -> bool | None:
            if (node, "Down") in self._nodes(props):
                return True  # its tasks will never report their end
            tasks = self.docker(props, f"node ps {node} --format '{{{{.CurrentState}}}}'").splitlines()
            busy = any(task.startswith(("Running", "Starting", "Preparing")) for task in tasks)
            return None if busy else True

        until(
            f"the tasks of {props['hostname']} to end (type `pulumi up` again to wait on; "
            "`pulumi config set leave_within SECONDS` limits how long a job may take then)",
            look,
            timeout=DRAIN_TIMEOUT,
        )


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
