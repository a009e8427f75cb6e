"""All services of the cluster, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from infra.heartbeat import Heartbeat
from infra.settings import Settings
from infra.swarm import Swarm
from infra.unrecorded import removed
from infra.workflow_variables import secret_path
from runtime import names
from runtime.policy.places import Places
from services.credentials import Password
from services.filemgr import filemgr
from services.images import images
from services.network import overlay
from services.prometheus import prometheus
from services.rabbitmq import Credentials, definitions_secret, rabbitmq
from services.registry import registry
from services.secrets import MountedSecret, keyed_secret_file, secret_file
from services.service import Service
from services.service_args import ServiceArgs
from services.status import LOOK_TOKEN_FILE, TOKEN_FILE, status
from services.swarm_facts import swarm_facts
from services.wmgr import wmgr
from services.workflows import WorkflowCopy

PROGRAMS_UID = 1000  # the user of the Workflow Manager and of its programs in the image oodt
RUNTIME_UID = 1001  # the user of gateway, consumer, status and swarm service in the image oodt


@dataclass(frozen=True, kw_only=True)
class Access:
    """The logins that the stack's outputs hand to the operator: the broker's and the status service's."""

    broker: Credentials
    status_token: pulumi.Output[str]
    status_look_token: pulumi.Output[str]


class Services(pulumi.ComponentResource):
    """Network, secrets, images and services of the cluster; ``access`` has the logins."""

    access: Access

    def __init__(
        self, name: str, settings: Settings, swarm: Swarm, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        unrecorded = removed("the swarm", swarm.docker, swarm.things)
        former = pulumi.ResourceOptions(transformations=[_with_former_urn, unrecorded])
        super().__init__("oodt:services:Services", name, {}, pulumi.ResourceOptions.merge(opts, former))
        self._swarm = swarm
        child = pulumi.ResourceOptions(parent=self)
        # All that is on the swarm goes with its manager: to destroy it, the manager need not answer.
        with_manager = pulumi.ResourceOptions(parent=self, deleted_with=swarm.manager)
        ssh_options = pulumi.Output.from_input(swarm.docker_host).apply(swarm.identity.options)
        self._docker = docker.Provider(
            "swarm", host=swarm.docker_host, ssh_opts=ssh_options, opts=with_manager
        )
        on_swarm = pulumi.ResourceOptions(parent=self, provider=self._docker, deleted_with=swarm.manager)
        # Every service is in the network, and so comes after the heartbeat.
        heartbeat = pulumi.ResourceOptions(depends_on=[Heartbeat("heartbeat", swarm, with_manager)])
        self._network = overlay(settings, swarm, pulumi.ResourceOptions.merge(on_swarm, heartbeat))
        built = images(settings.prefix, swarm, self._docker, parent=self)
        variables = settings.variables
        copy = WorkflowCopy("workflows", settings.folders, swarm, variables=variables, opts=with_manager)
        # File Manager and status service have a copy of their own, so that an edit of a program does not
        # restart them.
        policies = WorkflowCopy(
            "policies", settings.folders, swarm, parts=["policy"], variables=variables, opts=with_manager
        )
        login = Credentials("rabbitmq", child)
        token = Password("status-token", child).value
        look_token = Password("status-look-token", child).value

        registry_service = self._run(names.REGISTRY_SERVICE, registry(built.local("registry")))
        rabbitmq_image = built.pushed("rabbitmq", registry_service, "manager")
        extending = [folder for folder in settings.folders if Places.of(folder).own_image]
        oodt_image = built.pushed("oodt", registry_service, "manager" if extending else "worker")
        wmgr_image = built.extended(extending, registry_service) if extending else oodt_image

        loaded = definitions_secret(settings.workflows, login, on_swarm)
        broker = self._run(names.RABBITMQ_SERVICE, rabbitmq(rabbitmq_image, loaded))
        catalogue = self._run(names.FILEMGR_SERVICE, filemgr(oodt_image, swarm, policies.path))
        user_url, admin_url = (
            secret_file(file_name, url, uid=RUNTIME_UID, opts=on_swarm)
            for file_name, url in (
                ("rabbitmq_user_url", login.user_url(f"{names.RABBITMQ_SERVICE}:{names.AMQP_PORT}")),
                ("rabbitmq_admin_url", login.admin_url(f"{names.RABBITMQ_SERVICE}:{names.MANAGEMENT_PORT}")),
            )
        )
        urls = [user_url, admin_url]
        tokens = [
            secret_file(file_name, content, uid=RUNTIME_UID, opts=on_swarm)
            for file_name, content in ((TOKEN_FILE, token), (LOOK_TOKEN_FILE, look_token))
        ]
        hidden = [*urls, *tokens, *self._webhook(settings, on_swarm)]
        history = status(oodt_image, settings, swarm, policies.path, hidden)
        self._run(names.STATUS_SERVICE, history, after=[broker])
        self._run(names.SWARM_SERVICE, swarm_facts(oodt_image, user_url), after=[broker])
        if settings.prometheus:
            image = built.pushed("prometheus", registry_service, "manager")
            self._run(names.PROMETHEUS_SERVICE, prometheus(image))
        self._run(
            names.WMGR_SERVICE,
            wmgr(wmgr_image, settings, swarm, copy.path, [*urls, *self._secrets(settings, on_swarm)]),
            after=[broker, catalogue, *swarm.members],
        )
        self.access = Access(broker=login, status_token=token, status_look_token=look_token)
        self.register_outputs({"network": self._network.name})

    def _webhook(self, settings: Settings, on_swarm: pulumi.ResourceOptions) -> list[MountedSecret]:
        """Where the status service tells of alarms, if anywhere."""
        if not settings.alarm_webhook:
            return []
        key = Password("alarm-webhook-name", pulumi.ResourceOptions(parent=self)).value
        path, url = names.ALARM_WEBHOOK_SECRET, settings.alarm_webhook
        return [
            keyed_secret_file(
                "alarm-webhook", path, url, start="alarm-webhook", key=key, uid=RUNTIME_UID, opts=on_swarm
            )
        ]

    def _secrets(self, settings: Settings, on_swarm: pulumi.ResourceOptions) -> list[MountedSecret]:
        """The secrets of workflows' own, for their programs."""
        if not settings.secrets:
            return []
        key = Password("workflow-secret-names", pulumi.ResourceOptions(parent=self)).value
        return [
            keyed_secret_file(
                f"{workflow}-{name}",
                secret_path(workflow, name),
                content,
                start="workflow",
                key=key,
                uid=PROGRAMS_UID,
                opts=on_swarm,
            )
            for (workflow, name), content in settings.secrets.items()
        ]

    def _run(self, name: str, args: ServiceArgs, after: Sequence[pulumi.Resource] = ()) -> Service:
        on_swarm = pulumi.ResourceOptions(parent=self, provider=self._docker)
        return Service(name, args, self._swarm, self._network, after=after, opts=on_swarm)


def _with_former_urn(
    args: pulumi.ResourceTransformationArgs,
) -> pulumi.ResourceTransformationResult | None:
    """An alias for stacks from before the components, in which the stack was the parent of each resource."""
    if not isinstance(args.resource, pulumi.CustomResource):
        return None
    former = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
    opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(aliases=[former]))
    return pulumi.ResourceTransformationResult(props=args.props, opts=opts)
