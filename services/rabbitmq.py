"""The message broker: RabbitMQ with its users, queues and policies loaded at start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from urllib.parse import quote

import pulumi

from infra.settings import Workflow
from runtime import names
from runtime.messaging.event import Event
from runtime.messaging.topology import definitions
from services.credentials import Password
from services.secrets import MountedSecret, secret_file
from services.service_args import Mount, ServiceArgs

DEFINITIONS_FILE = "rabbitmq_definitions"


class Credentials(pulumi.ComponentResource):
    """The passwords of the broker's two users: one for messages, one for administration."""

    user: pulumi.Output[str]
    admin: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("oodt:services:Credentials", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.user = Password("rabbitmq-user", child).value
        self.admin = Password("rabbitmq-admin", child).value
        self.register_outputs({})

    def user_url(self, endpoint: pulumi.Input[str]) -> pulumi.Output[str]:
        """Where messages go, as the original's RABBITMQ_USER_URL; ``endpoint`` is HOST:PORT."""
        vhost = quote(names.VIRTUAL_HOST, safe="")
        return pulumi.Output.concat(f"amqp://{names.MESSAGE_USER}:", self.user, "@", endpoint, f"/{vhost}")

    def admin_url(self, endpoint: pulumi.Input[str]) -> pulumi.Output[str]:
        """The management API, as the original's RABBITMQ_ADMIN_URL; ``endpoint`` is HOST:PORT."""
        return pulumi.Output.concat(f"http://{names.ADMIN_USER}:", self.admin, "@", endpoint)


def events(workflows: Sequence[Workflow]) -> list[Event]:
    """The stack's workflows as the runtime knows them."""
    return [
        Event(
            name=workflow.event,
            max_workflows=workflow.max_workflows,
            priority=workflow.priority,
            max_attempts=workflow.max_attempts,
            job_timeout=workflow.job_timeout,
        )
        for workflow in workflows
    ]


def described(workflows: Sequence[Workflow]) -> str:
    """The events as the runtime reads them from its environment."""
    listed = [asdict(event) for event in events(workflows)]
    return json.dumps([{"event": fields.pop("name"), **fields} for fields in listed])


def definitions_secret(
    workflows: Sequence[Workflow], login: Credentials, opts: pulumi.ResourceOptions
) -> MountedSecret:
    """The broker's definitions, a secret because they hold the users' password hashes."""
    content = pulumi.Output.all(login.user, login.admin).apply(
        lambda passwords: json.dumps(
            definitions(events(workflows), user_password=passwords[0], admin_password=passwords[1]), indent=1
        )
    )
    return secret_file(DEFINITIONS_FILE, content, uid=0, opts=opts)


def rabbitmq(image: pulumi.Input[str], loaded: MountedSecret) -> ServiceArgs:
    """Queues live in a named volume, under the node name that the fixed host name gives the broker."""
    return ServiceArgs(
        image=image,
        role="manager",
        hostname=names.RABBITMQ_SERVICE,
        mounts=[Mount(source=names.RABBITMQ_VOLUME, target="/var/lib/rabbitmq", volume=True)],
        secrets=[loaded],
        ports=[names.AMQP_PORT, names.MANAGEMENT_PORT],
        health=["rabbitmq-health"],
        stop_grace=60,
        memory_limit=2048,
    )
