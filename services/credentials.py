"""Passwords of the cluster: generated once, secrets of the stack ever after."""

from __future__ import annotations

import secrets

import pulumi
from pulumi.dynamic import Resource

from infra.dynamic import Props, Provider

PASSWORD_BYTES = 24  # of randomness; 32 letters, all of them safe in a URL


class _PasswordProvider(Provider):
    def act(self, _props: Props) -> tuple[str, Props]:
        return secrets.token_hex(8), {"value": secrets.token_urlsafe(PASSWORD_BYTES)}


class Password(Resource, module="credentials", name="Password"):
    """A random password, made when the stack is and never changed by an update."""

    value: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(
            _PasswordProvider(), name, {"value": None}, pulumi.ResourceOptions.merge(opts, secret)
        )
        # Mocks create nothing, so that a test of the program has no value.
        self.value = self.value.apply(lambda value: value or "")
