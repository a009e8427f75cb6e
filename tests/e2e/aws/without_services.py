"""The program on target aws up to its gates, without the services: what a swarm needs to be there."""

from pathlib import Path

import pulumi

from infra import settings
from infra.aws import cluster
from infra.ssh import Identity, login_line

root = Path(__file__).resolve().parent
chosen = settings.load(
    settings.stack_config(), project=pulumi.get_project(), stack=pulumi.get_stack(), root=root
)
identity = Identity(folder=str(root / ".ssh" / chosen.stack))
swarm = cluster.create(chosen, identity)
pulumi.export("ssh", pulumi.Output.from_input(swarm.docker_host).apply(lambda url: login_line(identity, url)))
