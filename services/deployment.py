"""All services of the cluster, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.settings import Settings
from infra.swarm import Swarm
from runtime import names
from services.convergence import Converged
from services.credentials import Password
from services.filemgr import filemgr
from services.images import images
from services.rabbitmq import Credentials, credentials, definitions_secret, rabbitmq
from services.registry import registry
from services.secrets import secret_file
from services.service import Service
from services.status import TOKEN_FILE, status
from services.wmgr import wmgr
from services.workflows import WorkflowCopy

RUNTIME_UID = 1001  # the user of gateway, consumer and status service in the image oodt


@dataclass(frozen=True, kw_only=True)
class Access:
    """What the operator's side must know to be let in."""

    broker: Credentials
    status_token: pulumi.Output[str]


def deploy(settings: Settings, swarm: Swarm) -> Access:
    """Declare network, secrets, images and services; returns how to get in."""
    cluster = _Cluster(swarm)
    built = images(settings.prefix, swarm, cluster.on_swarm)
    copy = WorkflowCopy("workflows", settings.folders, swarm, opts=cluster.with_manager)
    # The File Manager's own, so that an edit of a program does not restart it.
    policies = WorkflowCopy("policies", settings.folders, swarm, parts=["policy"], opts=cluster.with_manager)
    login = credentials()
    token = Password("status-token").value

    images_home = cluster.run(registry(built.local("registry")))
    rabbitmq_image = built.pushed("rabbitmq", images_home, "manager")
    oodt_image = built.pushed("oodt", images_home, "worker")

    loaded = definitions_secret(settings.workflows, login, cluster.on_swarm)
    broker = cluster.run(rabbitmq(rabbitmq_image, loaded))
    catalogue = cluster.run(filemgr(oodt_image, swarm, policies.path))
    urls = [
        secret_file(file_name, url(names.RABBITMQ_SERVICE), uid=RUNTIME_UID, opts=cluster.on_swarm)
        for file_name, url in (("rabbitmq_user_url", login.user_url), ("rabbitmq_admin_url", login.admin_url))
    ]
    token_file = secret_file(TOKEN_FILE, token, uid=RUNTIME_UID, opts=cluster.on_swarm)
    cluster.run(status(oodt_image, swarm, [*urls, token_file]), after=[broker])
    cluster.run(wmgr(oodt_image, settings, swarm, copy.path, urls), after=(broker, catalogue, *swarm.members))
    return Access(broker=login, status_token=token)


class _Cluster:
    """The swarm's docker as a provider, its network, and how a service is run there."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        # Whatever is on the swarm goes with its manager: destroying needs no manager that still answers.
        self.with_manager = pulumi.ResourceOptions(deleted_with=swarm.manager)
        provider = docker.Provider(
            "swarm", host=swarm.docker_host, ssh_opts=swarm.identity.options(), opts=self.with_manager
        )
        self.on_swarm = pulumi.ResourceOptions(provider=provider, deleted_with=swarm.manager)
        self._network = docker.Network(
            names.NETWORK, name=names.NETWORK, driver="overlay", attachable=True, opts=self.on_swarm
        )

    def run(self, service: Service, after: Sequence[pulumi.Resource] = ()) -> Converged:
        """Declare a service that needs what is in ``after``; the result is done when it runs, healthy."""
        needs = pulumi.ResourceOptions(depends_on=list(after))
        task_spec = service.task_spec(self._network, self._swarm.platform)
        declared = service.declare(task_spec, pulumi.ResourceOptions.merge(self.on_swarm, needs))
        return Converged(
            f"{service.name}-converged",
            docker_host=self._swarm.docker_host,
            identity=self._swarm.identity,
            service=declared,
            declaration={
                "task": task_spec,
                "replicas": service.replicas,
                "manager": self._swarm.manager.id,
            },
            opts=self.with_manager,
        )
