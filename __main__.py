"""The cluster as a program: settings, a swarm, the services on it, outputs."""

from pathlib import Path

import pulumi

from infra import local, settings
from infra.ssh import Identity
from runtime import names
from services import deploy

ROOT = Path(__file__).resolve().parent

try:
    chosen = settings.load(
        settings.of_the_engine(), project=pulumi.get_project(), stack=pulumi.get_stack(), root=ROOT
    )
except settings.ConfigurationError as problem:
    raise pulumi.RunError(str(problem)) from None

identity = Identity(folder=str(ROOT / ".ssh" / chosen.stack))
swarm = local.create(chosen, identity, ROOT)
login = deploy(chosen, swarm, ROOT)

address = swarm.manager_address
pulumi.export(
    "ssh", f"ssh -i {identity.key_file} -o UserKnownHostsFile={identity.known_hosts_file} root@{address}"
)
pulumi.export("archive", f"{swarm.share}/archive")
pulumi.export("jobs", f"{swarm.share}/jobs")
pulumi.export("filemgr_url", f"http://{address}:{names.FILEMGR_PORT}")
pulumi.export("rabbitmq_user_url", login.user_url(address))
pulumi.export("rabbitmq_admin_url", login.admin_url(address))
