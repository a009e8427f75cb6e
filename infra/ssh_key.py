"""The stack's own ssh key: made once, a secret of the stack, and written to a file for ssh."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pulumi
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pulumi.dynamic import Resource, UpdateResult

from infra.dynamic import Props, Provider
from infra.ssh import Identity

LETS_IN = "AUTHORIZED_KEY"  # the variable by which a node container is told which key may log in


class KeyProvider(Provider):
    """Makes the pair and writes its file, again if that is missing; with the key the files are deleted."""

    def act(self, props: Props) -> tuple[str, Props]:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        public = (
            key.public_key()
            .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            .decode()
        )
        _write(props["folder"], private)
        return public.split()[1][-16:], {**props, "private_key": private, "public_key": public}

    def is_lost(self, olds: Props, news: Props) -> bool:
        # This looks at a file, at each update: a machine that has not used this stack yet lacks the file, and
        # ssh needs it before anything can be looked at on a host.
        file = self.identity(news).key_file
        return not (file.exists() and file.read_text() == olds["private_key"])

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        """Write the file again; the pair stays the same."""
        _write(news["folder"], olds["private_key"])
        return UpdateResult({**olds, "folder": news["folder"]})

    def delete(self, _id: str, props: Props) -> None:
        identity = self.identity(props)
        identity.key_file.unlink(missing_ok=True)
        identity.known_hosts_file.unlink(missing_ok=True)
        identity.configuration_file.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or not there
            for folder in (identity.key_file.parent, identity.key_file.parent.parent):
                folder.rmdir()


class SshKey(Resource, module="ssh", name="Key"):
    """An ed25519 key pair whose private half is in the file of an Identity, mode 0600."""

    private_key: pulumi.Output[str]
    public_key: pulumi.Output[str]

    def __init__(self, name: str, identity: Identity, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
        super().__init__(
            KeyProvider(),
            name,
            {"folder": identity.folder, "private_key": None, "public_key": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )


def _write(folder: str, private: str) -> None:
    file = Identity(folder=folder).key_file
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(private)
    Path(draft).replace(file)
