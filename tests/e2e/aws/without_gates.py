"""The program on target aws without its gates: they would wait for instances that do not exist here."""

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pulumi

from infra import patience, settings
from infra.aws import cluster
from infra.aws.preflight import own_address
from infra.ssh import Identity, login_line


class Gate(pulumi.ComponentResource):
    """A resource instead of a gate that does not wait."""

    def __init__(self, name: str, *_: Any, opts: pulumi.ResourceOptions | None = None, **__: Any) -> None:
        super().__init__("test:aws:Gate", name, {}, opts)


# The only address of this machine that counts is the one that the tests' settings let in.
vars(own_address).update(look_up=lambda: IPv4Address("10.9.8.7"))
vars(cluster).update(ManagerReady=Gate, WorkersReady=Gate)
root = Path(__file__).resolve().parent
try:
    chosen = settings.load(
        settings.stack_config(), project=pulumi.get_project(), stack=pulumi.get_stack(), root=root
    )
    patience.use(chosen.patience)
except settings.ConfigurationError as problem:
    raise pulumi.RunError(str(problem)) from None
identity = Identity(folder=str(root / ".ssh" / chosen.stack))
swarm = cluster.create(chosen, identity)
pulumi.export("docker_host", swarm.docker_host)
pulumi.export("manager_address", swarm.manager_address)
pulumi.export("ssh", pulumi.Output.from_input(swarm.docker_host).apply(lambda url: login_line(identity, url)))
