"""A service of the cluster: the docker service, and the wait until it runs as declared."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from infra.swarm import Swarm
from services.convergence import Converged
from services.service_args import ServiceArgs


class Service(pulumi.ComponentResource):
    """A resource that depends on it waits until its tasks are healthy. It depends on ``after`` itself.

    ``declared`` is the docker service, for a resource that need not wait for the health check.
    """

    declared: docker.Service

    def __init__(
        self,
        name: str,
        args: ServiceArgs,
        swarm: Swarm,
        network: docker.Network,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:services:Service", name, {}, opts)
        # The service goes with the swarm: to destroy it, the manager need not answer.
        child = pulumi.ResourceOptions(parent=self, deleted_with=swarm.manager)
        task_spec = args.task_spec(network, swarm.platform)
        self.declared = docker.Service(
            name,
            name=name,
            mode=args.mode(),
            task_spec=task_spec,
            endpoint_spec=args.endpoint_spec(),
            update_config=args.update_config(),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=list(after))),
        )
        Converged(
            f"{name}-converged",
            docker_host=swarm.docker_host,
            identity=swarm.identity,
            service=self.declared.name,
            declaration={"task": task_spec, "replicas": args.replicas, "manager": swarm.manager.id},
            takes_jobs=args.takes_jobs,
            opts=child,
        )
        self.register_outputs({"name": self.declared.name})
