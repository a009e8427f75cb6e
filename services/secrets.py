"""Docker secrets, named by their content so that a changed one reaches the containers that use it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class MountedSecret:
    """A secret as a file in a container, for one user."""

    secret: docker.Secret
    path: str
    uid: int

    def mount(self) -> docker.ServiceTaskSpecContainerSpecSecretArgs:
        return docker.ServiceTaskSpecContainerSpecSecretArgs(
            secret_id=self.secret.id,
            secret_name=self.secret.name,
            file_name=self.path,
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
    return MountedSecret(secret=secret, path=f"/run/secrets/{file_name}", uid=uid)


def keyed_secret_file(
    name: str, path: str, content: str, *, key: pulumi.Output[str], uid: int, opts: pulumi.ResourceOptions
) -> MountedSecret:
    """Declare a docker secret whose content somebody chose: its name tells nothing without ``key``."""
    hidden = pulumi.Output.secret(content)
    digest = pulumi.Output.all(key, hidden).apply(
        lambda both: hmac.new(both[0].encode(), f"{path}\0{both[1]}".encode(), "sha256").hexdigest()[:24]
    )
    secret = docker.Secret(
        name,
        name=pulumi.Output.unsecret(digest).apply(lambda digest: f"workflow-{digest}"),
        data=hidden.apply(lambda text: base64.b64encode(text.encode()).decode()),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False)),
    )
    return MountedSecret(secret=secret, path=path, uid=uid)
