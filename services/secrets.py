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
    name = file_name.replace("_", "-")
    secret = _secret(name, name, digest, content, opts)
    return MountedSecret(secret=secret, path=f"/run/secrets/{file_name}", uid=uid)


def keyed_secret_file(
    name: str,
    path: str,
    content: str,
    *,
    start: str,
    key: pulumi.Output[str],
    uid: int,
    opts: pulumi.ResourceOptions,
) -> MountedSecret:
    """Declare a docker secret whose content somebody chose: beside ``start`` its name tells nothing.

    Whoever has ``key`` can compare it with other contents.
    """
    hidden = pulumi.Output.secret(content)
    digest = pulumi.Output.all(key, hidden).apply(
        lambda both: hmac.new(both[0].encode(), f"{path}\0{both[1]}".encode(), "sha256").hexdigest()[:24]
    )
    return MountedSecret(secret=_secret(name, start, digest, hidden, opts), path=path, uid=uid)


def _secret(
    name: str,
    start: str,
    digest: pulumi.Output[str],
    content: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> docker.Secret:
    """A secret that docker calls START-DIGEST."""
    return docker.Secret(
        name,
        name=pulumi.Output.unsecret(digest).apply(lambda digest: f"{start}-{digest}"),
        data=content.apply(lambda text: base64.b64encode(text.encode()).decode()),
        # A secret cannot be deleted while a service still has it.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False)),
    )
