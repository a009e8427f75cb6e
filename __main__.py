"""The cluster as a program: settings, a swarm, the services on it, outputs."""

from pathlib import Path

import pulumi

from infra import patience, settings, targets, workflow_folder
from infra.ssh import Identity, login_line
from runtime import names
from services import Services

ROOT = Path(__file__).resolve().parent

try:
    chosen = settings.load(
        settings.stack_config(),
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        root=ROOT,
        encrypted=settings.encrypted_keys(),
    )
    patience.use(chosen.patience)
    for warning in workflow_folder.check(chosen.places, [each.event for each in chosen.workflows]):
        pulumi.log.warn(warning)
except (settings.ConfigurationError, workflow_folder.WorkflowFolderError) as problem:
    raise pulumi.RunError(str(problem)) from None

identity = Identity(folder=f".ssh/{chosen.stack}")
swarm = targets.create(chosen, identity)
access = Services("services", chosen, swarm).access

docker_host = pulumi.Output.from_input(swarm.docker_host)
pulumi.export(names.SSH_OUTPUT, docker_host.apply(lambda url: login_line(swarm.identity, url)))
if swarm.tunnelled:
    ports = [names.AMQP_PORT, names.MANAGEMENT_PORT, names.FILEMGR_PORT, names.STATUS_PORT]
    ports += [names.PROMETHEUS_PORT] * chosen.prometheus
    pulumi.export(names.TUNNEL_OUTPUT, docker_host.apply(lambda url: login_line(swarm.identity, url, ports)))
pulumi.export(names.PATIENCE_OUTPUT, chosen.patience)
pulumi.export("archive", f"{swarm.share}/archive")
pulumi.export("jobs", f"{swarm.share}/jobs")
pulumi.export("filemgr_url", pulumi.Output.concat("http://", swarm.endpoint(names.FILEMGR_PORT)))
pulumi.export(names.USER_URL_OUTPUT, access.broker.user_url(swarm.endpoint(names.AMQP_PORT)))
pulumi.export(names.ADMIN_URL_OUTPUT, access.broker.admin_url(swarm.endpoint(names.MANAGEMENT_PORT)))
pulumi.export(names.PRIORITIES_OUTPUT, {each.event: each.priority for each in chosen.workflows})
pulumi.export(names.STATUS_URL_OUTPUT, pulumi.Output.concat("http://", swarm.endpoint(names.STATUS_PORT)))
pulumi.export(names.STATUS_TOKEN_OUTPUT, access.status_token)
pulumi.export(names.STATUS_LOOK_TOKEN_OUTPUT, access.status_look_token)
if chosen.prometheus:
    url = pulumi.Output.concat("http://", swarm.endpoint(names.PROMETHEUS_PORT))
    pulumi.export(names.PROMETHEUS_URL_OUTPUT, url)
