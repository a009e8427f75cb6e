"""Docker secrets, named by their content so that a changed one reaches the containers that use it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class MountedSecret:
    """A secret as a file below /run/secrets, for one user of the container."""

    secret: docker.Secret
    file_name: str
    uid: int

    def mount(self) -> docker.ServiceTaskSpecContainerSpecSecretArgs:
        return docker.ServiceTaskSpecContainerSpecSecretArgs(
            secret_id=self.secret.id,
            secret_name=self.secret.name,
            file_name=f"/run/secrets/{self.file_name}",
            file_uid=str(self.uid),
            file_gid=str(self.uid),
            file_mode=0o400,
        )


def secret_file(
    file_name: str, content: pulumi.Output[str], *, uid: int, opts: pulumi.ResourceOptions
) -> MountedSecret:
    """Declare a docker secret with this content; its name ends in the content's hash."""
    digest = content.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:12])
    secret = docker.Secret(
        file_name.replace("_", "-"),
        name=pulumi.Output.unsecret(digest).apply(lambda digest: f"{file_name.replace('_', '-')}-{digest}"),
        data=content.apply(lambda text: base64.b64encode(text.encode()).decode()),
        # A secret cannot be deleted while a service still has it.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False)),
    )
    return MountedSecret(secret=secret, file_name=file_name, uid=uid)
