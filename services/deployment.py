"""All services of the cluster, in the order in which they need each other."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_docker as docker

from infra.settings import Settings
from infra.swarm import Swarm
from runtime import names
from services.filemgr import filemgr
from services.images import Images
from services.rabbitmq import Credentials, credentials, definitions_secret, rabbitmq
from services.registry import registry
from services.secrets import secret_file
from services.wmgr import wmgr
from services.workflows import WorkflowCopy

RUNTIME_UID = 1001  # the user of gateway and consumer in the image oodt


def deploy(settings: Settings, swarm: Swarm, root: Path) -> Credentials:
    """Declare network, secrets, images and services; returns the broker's logins."""
    provider = docker.Provider(
        "swarm",
        host=swarm.docker_host,
        ssh_opts=swarm.identity.options(),
        opts=pulumi.ResourceOptions(deleted_with=swarm.manager),
    )
    # Whatever is on the swarm goes with its manager: destroying needs no manager that still answers.
    on_swarm = pulumi.ResourceOptions(provider=provider, deleted_with=swarm.manager)

    def after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(on_swarm, pulumi.ResourceOptions(depends_on=list(resources)))

    network = docker.Network(
        names.NETWORK,
        name=names.NETWORK,
        driver="overlay",
        attachable=True,
        opts=on_swarm,
    )
    images = Images(swarm, root, on_swarm)
    copy = WorkflowCopy(
        "workflows", settings.workflows, swarm, pulumi.ResourceOptions(deleted_with=swarm.manager)
    )
    login = credentials()

    images_home = registry(images.local("registry")).declare(network, on_swarm)
    rabbitmq_image = images.pushed("rabbitmq", images_home)
    oodt_image = images.pushed("oodt", images_home)

    broker = rabbitmq(rabbitmq_image, definitions_secret(settings.workflows, login, on_swarm)).declare(
        network, on_swarm
    )
    catalogue = filemgr(oodt_image, swarm, copy.path).declare(network, on_swarm)
    urls = [
        secret_file(
            "rabbitmq_user_url", login.user_url(names.RABBITMQ_SERVICE), uid=RUNTIME_UID, opts=on_swarm
        ),
        secret_file(
            "rabbitmq_admin_url", login.admin_url(names.RABBITMQ_SERVICE), uid=RUNTIME_UID, opts=on_swarm
        ),
    ]
    wmgr(oodt_image, settings, swarm, copy.path, urls).declare(
        network, after(broker, catalogue, *swarm.members)
    )
    return login
